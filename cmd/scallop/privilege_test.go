package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/doctor"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// alwaysNeeded are the capabilities that a command needs whatever its flags are, as setpriv writes them. Root without cap_dac_override is not
// the owner of the cgroups here.
func alwaysNeeded(command string) []string {
	var names []string
	for _, need := range doctor.Needs {
		if need.Command == command && (need.When == "" || need.Capability == "cap_dac_override") {
			names = append(names, strings.TrimPrefix(need.Capability, "cap_"))
		}
	}
	return names
}

// TestCapabilities: with exactly what the table says a command works, and without each it says which one is missing, and
// what to do.
func TestCapabilities(t *testing.T) {
	c, _ := inOwnCgroup(t, script...)
	for name, test := range map[string]struct {
		args    []string
		extra   []string          // of those that are needed with these flags
		missing map[string]string // what the error says without each
	}{
		"record": {[]string{"record", "--cgroup", c.Path, "--duration", "100ms"}, nil,
			map[string]string{"bpf": "cap_bpf missing: run as root", "perfmon": "cap_perfmon missing: run as root"}},
		"verify": {[]string{"verify", "docker-default", "--", "true"}, []string{"sys_admin"},
			map[string]string{"sys_admin": "cap_sys_admin, or use --no-new-privileges", "dac_override": "cap_dac_override"}},
		"verify, confined": {[]string{"verify", "--no-new-privileges", "docker-default", "--", "true"}, nil,
			map[string]string{"bpf": "cap_bpf missing: run as root", "perfmon": "cap_perfmon missing: run as root", "dac_override": "cap_dac_override"}},
	} {
		t.Run(name, func(t *testing.T) {
			have := append(alwaysNeeded(test.args[0]), test.extra...)
			p := newPlace(t)
			if o := p.run(onlyCapabilities(t, have...), nil, test.args...); o.code != exitOK {
				t.Errorf("with %q: exit code %d: %s", have, o.code, o.stderr)
			}
			for capability, text := range test.missing {
				rest := slices.DeleteFunc(slices.Clone(have), func(name string) bool { return name == capability })
				p := newPlace(t)
				p.wantError(p.run(onlyCapabilities(t, rest...), nil, test.args...), exitHost, text)
			}
		})
	}
}

// limited waits until scallop has given up what it does not need, and checks that no thread has kept more.
func limited(t *testing.T, pid int, command string) {
	t.Helper()
	want := capabilitiesNow(t, os.Getpid())
	want = slices.DeleteFunc(want, func(name string) bool { return !slices.Contains(doctor.Kept(command), name) })
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		bad := unlimited(t, pid, want)
		if bad == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(bad)
		}
	}
}

// unlimited says of a thread what it has that it should not have.
func unlimited(t *testing.T, pid int, want []string) string {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		if got := profiler.EffectiveCapabilities(text); !slices.Equal(got, want) || profiler.StatusField(text, "NoNewPrivs") != "1" {
			return fmt.Sprintf("%s: no_new_privs %s, capabilities %q, want %q", file, profiler.StatusField(text, "NoNewPrivs"), got, want)
		}
	}
	return ""
}

func capabilitiesNow(t *testing.T, pid int) []string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	return profiler.EffectiveCapabilities(text)
}

// start starts scallop in the background, with an input to close.
func (p *place) start(out io.Writer, args ...string) (*exec.Cmd, io.Closer) {
	p.t.Helper()
	cmd := exec.Command(p.program, args...)
	cmd.Dir, cmd.Env = p.work, append(os.Environ(), "SCALLOP_RUNTIME_DIR="+p.sockets)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	give, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { give.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, give
}

// wantWhole: complete, and with the executables of a process that has more capabilities than scallop had.
func wantWhole(t *testing.T, r *recording.Recording, exe string) {
	t.Helper()
	if !r.Complete || r.Workload.Leader.Exe == "" {
		t.Errorf("complete: %t, %v, leader %+v", r.Complete, r.Losses, r.Workload.Leader)
	}
	for _, s := range r.Syscalls {
		for phase, seen := range s.Phases {
			if !ofRuntime(phase) && filepath.Base(seen.First.Exe) != exe {
				t.Errorf("%s of %s in %s, want %s", s.Name, seen.First.Exe, phase, exe)
			}
		}
	}
}

// TestLimit: what is not to be done any more may not be done any more.
func TestLimit(t *testing.T) {
	t.Parallel()
	hosttest.Root(t)
	program, err := hosttest.Scallop(newPlace(t).work) // as it is released, without cgo
	if err != nil {
		t.Fatal(err)
	}
	t.Run("record", func(t *testing.T) { testLimitRecord(t, program) })
	t.Run("run", func(t *testing.T) { testLimitRun(t, program) })
}

func testLimitRecord(t *testing.T, program string) {
	p := newPlace(t)
	p.program = program
	c, _ := inOwnCgroup(t, script...)
	cmd, _ := p.start(io.Discard, "record", "--cgroup", c.Path, "-o", "out", "-q")
	limited(t, cmd.Process.Pid, "record")
	_ = cmd.Process.Signal(syscall.SIGINT)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	files, err := filepath.Glob(filepath.Join(p.work, "out", "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if r := decodeFile(t, files[0]); !r.Complete || r.Workload.Leader.Exe == "" {
		t.Errorf("complete: %t, leader %+v", r.Complete, r.Workload.Leader)
	}
}

// testLimitRun: scallop has less than its command, which has all that scallop had.
func testLimitRun(t *testing.T, program string) {
	p := newPlace(t)
	p.program = program
	var out bytes.Buffer
	cmd, input := p.start(&out, "run", "-q", "--name", p.workload, "-o", "out.json", "--", "/bin/cat", "/proc/self/status", "-")
	limited(t, cmd.Process.Pid, "run")
	input.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if got, want := profiler.EffectiveCapabilities(out.Bytes()), capabilitiesNow(t, os.Getpid()); !slices.Equal(got, want) {
		t.Errorf("the command has %q, want %q", got, want)
	}
	if got := profiler.StatusField(out.Bytes(), "NoNewPrivs"); got != "0" {
		t.Errorf("the command has no_new_privs %s", got)
	}
	wantWhole(t, decodeFile(t, filepath.Join(p.work, "out.json")), "cat")
	p.wantFiles("out.json")
}

// TestPrivilegesDoc: docs/privileges.md has the table, and all of it.
func TestPrivilegesDoc(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(hosttest.Repository(), "docs/privileges.md"))
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("| command | capability | when | after attaching | what for |\n|---|---|---|---|---|\n")
	for _, need := range doctor.Needs {
		kept := "dropped"
		if need.Kept {
			kept = "kept"
		}
		when := need.When
		if when == "" {
			when = "always"
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s | %s | %s |\n", need.Command, need.Capability, when, kept, need.Reason)
	}
	if !strings.Contains(string(text), "\n\n"+want.String()+"\n") {
		t.Errorf("docs/privileges.md should have this table:\n%s", &want)
	}
}
