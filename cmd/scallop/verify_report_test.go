package main

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/scallop-sec/scallop/profiler/denials"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/session"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

func verifyProfileOf(t *testing.T, text string, logOnly bool) *verifyProfile {
	t.Helper()
	path := filepath.Join(t.TempDir(), "profile.json")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	f := &verifyFlags{runtime: "runc", logOnly: logOnly}
	p, err := f.profile(&env{stderr: io.Discard}, path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestVerifyArgs(t *testing.T) {
	for _, tc := range []struct {
		dash    int
		args    []string
		profile string
		command []string
	}{
		{-1, []string{"p", "--", "ls", "-l"}, "p", []string{"ls", "-l"}},
		{-1, []string{"p", "ls", "--", "x"}, "p", []string{"ls", "--", "x"}},
		{-1, []string{"p", "--", "--", "x"}, "p", []string{"--", "x"}},
		{-1, []string{"p", "--"}, "", nil},
		{-1, nil, "", nil},
		{0, []string{"ls"}, "", nil},
	} {
		profile, command, err := verifyArgs(tc.dash, tc.args)
		if (err != nil) != (tc.command == nil) || profile != tc.profile || !slices.Equal(command, tc.command) {
			t.Errorf("%v: %q %q %v", tc.args, profile, command, err)
		}
	}
}

// TestVerifyLogged: every row of a recording that the profile denies is in the report with its count, no other
// is, and calls with conditions are judged by their arguments.
func TestVerifyLogged(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the recording is of x86_64, and verify judges for the host")
	}
	rec := sampleRecording(t)
	p := verifyProfileOf(t, `{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{"names": ["read", "epoll_wait"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13},
		{"names": ["write"], "action": "SCMP_ACT_KILL", "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]}]}`, true)
	if len(p.judges) == 0 || !p.judges[0].Args[0] || p.judges[0].Args[1] {
		t.Errorf("write is judged by its argument 0: %+v", p.judges)
	}
	judge := p.judges[0]
	o := &session.Outcome{Recording: rec, Judged: []session.Judged{
		{Judged: denials.Judged{ABI: judge.ABI, Nr: judge.Nr, Args: [6]uint64{2}, Count: 7}, Phase: "steady"},
		{Judged: denials.Judged{ABI: judge.ABI, Nr: judge.Nr, Args: [6]uint64{3}, Count: 9}, Phase: "steady"},
	}}
	v := newVerification(p, []string{"nginx"}, o, nil, false)
	want := uint64(7)
	for _, s := range rec.Syscalls {
		for phase, seen := range s.Phases {
			if phase != recording.PhaseSetup && slices.Contains([]string{"read", "epoll_wait"}, s.Name) {
				want += seen.Count
			}
		}
	}
	if v.Denied != want || want == 7 {
		t.Errorf("%d denied, the recording has %d", v.Denied, want)
	}
	for _, d := range v.Denials {
		if d.Name == "write" && (d.Args != "0=0x2" || d.Action != "kill_thread") || d.Name != "write" && d.Errno != "EACCES" {
			t.Errorf("%+v", d)
		}
	}
}

func TestVerifyAnswered(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the numbers are those of x86_64, and verify judges for the host")
	}
	clone3 := verifyDenial{ABI: "x86_64", Nr: 435, Name: "clone3", Errno: "ENOSYS", Action: "errno"}
	const allowClone = `{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [{"names": ["clone"], "action": "SCMP_ACT_ALLOW"}]}`
	const denyClone = `{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}`
	eperm, read := clone3, clone3
	eperm.Errno, read.Name, read.Nr = "EPERM", "read", 0
	made := &recording.Recording{Syscalls: []recording.Syscall{
		{ABI: "x86_64", Nr: 435, Name: "clone3", Phases: map[string]recording.PhaseCount{"startup": {Count: 1}}}}}
	for name, tc := range map[string]struct {
		profile  string
		denial   verifyDenial
		expected *recording.Recording
		want     bool
	}{
		"clone instead":      {allowClone, clone3, nil, true},
		"no clone":           {denyClone, clone3, nil, false},
		"another errno":      {allowClone, eperm, nil, false},
		"another call":       {allowClone, read, nil, false},
		"made when recorded": {allowClone, clone3, made, false},
	} {
		v := &verification{Denials: []verifyDenial{tc.denial}}
		v.separate(verifyProfileOf(t, tc.profile, false), tc.expected)
		if got := len(v.Answered) == 1; got != tc.want || len(v.Answered)+len(v.Denials) != 1 {
			t.Errorf("%s: answered %v, denied %v", name, v.Answered, v.Denials)
		}
	}
}

func TestVerifyAlways(t *testing.T) {
	p := verifyProfileOf(t, `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"},
		{"names": ["write"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]}]}`, false)
	for name, want := range map[string]bool{"read": true, "write": false, "close": false} {
		nr, _ := syscalls.Number(syscalls.X86_64, name)
		if p.resolved.Native == syscalls.X86_64 && p.always(syscalls.X86_64, nr) != want {
			t.Errorf("%s: always is %v", name, !want)
		}
	}
}
