package verify_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// allowBut is Docker's default profile without one call, which meets the action.
func allowBut(t *testing.T, call, action string) string {
	return written(t, fmt.Sprintf(`{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
		"syscalls": [{"names": [%q], %s}]}`, call, action))
}

const (
	errno       = `"action": "SCMP_ACT_ERRNO", "errnoRet": 38`
	trap        = `"action": "SCMP_ACT_TRAP"`
	killThread  = `"action": "SCMP_ACT_KILL_THREAD"`
	killProcess = `"action": "SCMP_ACT_KILL_PROCESS"`
)

// The programs know how many of their calls are denied.
func TestExact(t *testing.T) {
	hosttest.Tools(t, "gcc", "gcc")
	calls := hosttest.Program(t, "calls", "-static", "-pthread")
	forks := hosttest.Program(t, "forks", "-static")
	kinds := hosttest.Program(t, "kinds", hosttest.Bare...)
	for name, test := range map[string]struct {
		call, action string
		command      []string
		want         uint64
		answer       string
	}{
		"threads":       {"getppid", errno, []string{calls, "32", "5000"}, 32 * 5000, "ENOSYS"},
		"processes":     {"getppid", errno, []string{forks, "500", "20", "0"}, 500 * 20, "ENOSYS"},
		"fork storm":    {"getppid", errno, []string{forks, "100", "10", "9"}, 100 * 10 * 10, "ENOSYS"},
		"one of kinds":  {"sched_yield", errno, []string{kinds}, 1000, "ENOSYS"},
		"killed thread": {"getppid", killThread, []string{calls, "32", "5000"}, 32, ""},
		"killed":        {"getpgid", killProcess, []string{kinds}, 1, ""},
		"trapped":       {"getpgid", trap, []string{kinds}, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := verify(t, append([]string{allowBut(t, test.call, test.action), "--"}, test.command...)...)
			if len(r.Denials) != 1 || len(r.Incomplete) != 0 || r.code != 1 {
				t.Fatalf("one call is denied: %v\n%s", r.Incomplete, r)
			}
			d := r.Denials[0]
			if d.Name != test.call || d.Count != test.want || d.Errno != test.answer || d.Phase != "startup" || d.ABI != "x86_64" {
				t.Errorf("the program was denied %d %s: %+v", test.want, test.call, d)
			}
			if word := strings.ToLower(test.action); !strings.Contains(word, "scmp_act_"+d.Action) {
				t.Errorf("action %s of %s", d.Action, test.action)
			}
			if d.Exe != test.command[0] || d.PID == 0 || d.TID == 0 || d.LastNs < d.OffsetNs || d.Note != "" {
				t.Errorf("evidence: %+v", d)
			}
		})
	}
}

// Calls of the other two ABIs: 200 of x86 and 100 of x32, beside 300 native ones.
func TestABIs(t *testing.T) {
	hosttest.Tools(t, "gcc", "gcc")
	r := verify(t, allowBut(t, "getpid", errno), "--", hosttest.Program(t, "abi64", hosttest.Bare...))
	for abi, want := range map[string]uint64{"x86_64": 300, "x86": 200, "x32": 100} {
		found := false
		for _, d := range r.of("getpid") {
			found = found || d.ABI == abi && d.Count == want
		}
		if !found {
			t.Errorf("%s: the program was denied %d getpid:\n%s", abi, want, r)
		}
	}
	native := written(t, `{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": []}`)
	r = verify(t, native, "--", hosttest.Program32(t, "abi32", hosttest.Bare...))
	if len(r.Denials) != 1 || r.Denials[0].ABI != "x86" || r.Denials[0].Action != "kill" || r.code != 1 {
		t.Errorf("an ABI that the profile lacks: %s", r)
	}
}

// Under --log-only the programs end as they would without a filter, and every call is counted.
func TestLogOnly(t *testing.T) {
	hosttest.Tools(t, "gcc", "gcc")
	kinds := hosttest.Program(t, "kinds", hosttest.Bare...)
	// close(-1) is not close(0); of getpgid(-1) the profile looks at another argument.
	profile := written(t, `{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
		{"names": ["execve", "exit_group", "getppid", "getpid", "futex_waitv"], "action": "SCMP_ACT_ALLOW"},
		{"names": ["close"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]},
		{"names": ["getpgid"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 0, "op": "SCMP_CMP_EQ"}]},
		{"names": ["dup"], "action": "SCMP_ACT_KILL_PROCESS"}]}`)
	r := verify(t, "--log-only", profile, "--", kinds)
	if r.code != 1 || r.Mode != "log-only" || !strings.Contains(r.End, "code 0") || len(r.Incomplete) != 0 {
		t.Errorf("%v\n%s", r.Incomplete, r)
	}
	if len(r.Denials) != 17 || r.Denied != 17_000 {
		t.Errorf("%d calls, %d in all; the program makes 17 calls that the profile denies, 1000 times each:\n%s", len(r.Denials), r.Denied, r)
	}
	for _, d := range r.Denials {
		if d.Count != 1000 || d.Phase != "startup" || d.Comm != "kinds" || d.Note != "" {
			t.Errorf("%+v", d)
		}
	}
	if list := r.of("close"); len(list) != 1 || list[0].Args != "0=0xffffffffffffffff" || list[0].Errno != "EPERM" {
		t.Errorf("close: %+v", list)
	}
	if list := r.of("dup"); len(list) != 1 || list[0].Action != "kill_process" {
		t.Errorf("dup: %+v", list)
	}
	if strings.Contains(r.String(), "getpgid") {
		t.Error("getpgid is allowed")
	}
}

// What a command makes of its filter: no_new_privs, its user, its limits and descriptors are as without
// verify.
func TestSurroundings(t *testing.T) {
	hosttest.Tools(t)
	const status = `grep -E "^(Seccomp|NoNewPrivs|Uid|Cap(Prm|Eff)|Sig(Blk|Ign)):" /proc/self/status; ulimit -n; ls /proc/self/fd; env -u NOTIFY_SOCKET`
	for name, test := range map[string]struct {
		flags []string // of both
		more  []string // of verify
		want  string
	}{
		"root":              {nil, nil, "NoNewPrivs:\t0\nSeccomp:\t2\n"},
		"no new privileges": {nil, []string{"--no-new-privileges"}, "NoNewPrivs:\t1\nSeccomp:\t2\n"},
		"another user":      {[]string{"-u", "nobody"}, nil, "CapEff:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t2\n"},
	} {
		t.Run(name, func(t *testing.T) {
			flags := append(test.flags, "-q", "-e", "KEY=some\xffthing\n", "-C", "/")
			r := verify(t, append(append(flags, test.more...), "docker-default", "--", "sh", "-c", status)...)
			r.nothing(t)
			if !strings.Contains(r.stdout, test.want) {
				t.Errorf("under verify:\n%s", r.stdout)
			}
			plain := run(t, scallop, append(append([]string{"run", "-o", "/dev/null"}, flags...), "--", "sh", "-c", status)...)
			plain = strings.Replace(plain, "Seccomp:\t0", "Seccomp:\t2", 1)
			if name != "no new privileges" && plain != r.stdout {
				t.Errorf("under run:\n%s\nunder verify:\n%s", plain, r.stdout)
			}
		})
	}
}
