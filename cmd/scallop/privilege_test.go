package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/doctor"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// alwaysNeeded are the capabilities that a command needs on this kernel whatever its flags are, without "cap_". Root without
// cap_dac_override is not the owner of the cgroups here.
func alwaysNeeded(t *testing.T, command string) []string {
	t.Helper()
	here := map[string]bool{
		"cap_dac_override": true,
		"cap_sys_resource": limitsLockedMemory(t),
		"cap_sys_nice":     profiler.Probes()[0] == profiler.ProbePerf,
	}
	var names []string
	for _, need := range doctor.Needs {
		if need.Command == command && (need.When == "" || here[need.Capability]) {
			names = append(names, strings.TrimPrefix(need.Capability, "cap_"))
		}
	}
	return names
}

func limitsLockedMemory(t *testing.T) bool {
	t.Helper()
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		t.Fatal(err)
	}
	version, _ := profiler.ParseKernelVersion(unix.ByteSliceToString(uts.Release[:]))
	return version.LimitsLockedMemory()
}

// closedCgroup has a process of root's with all capabilities; root needs cap_dac_override to look into it.
func closedCgroup(t *testing.T) string {
	t.Helper()
	c, _ := inOwnCgroup(t, script...)
	if err := errors.Join(os.Chown(c.Dir(), nobody, nobody), os.Chmod(c.Dir(), 0o700)); err != nil {
		t.Fatal(err)
	}
	return c.Path
}

// What is said without a capability that every command needs, and if it goes on all the same.
var (
	missingAlways = map[string]string{
		"bpf":          "cap_bpf missing: run as root, or with cap_bpf and cap_perfmon",
		"perfmon":      "cap_perfmon missing: run as root, or with cap_bpf and cap_perfmon",
		"dac_override": "cap_dac_override",
		"sys_resource": "raise the limit of locked memory (ulimit -l unlimited), or add cap_sys_resource",
	}
	worseAlways = map[string]string{"sys_nice": "add cap_sys_nice"}
)

// TestCapabilities: with exactly what the table says a command works, and without each it says which one is missing, and
// what to do.
func TestCapabilities(t *testing.T) {
	t.Parallel()
	closed := closedCgroup(t)
	for name, test := range map[string]struct {
		args    []string
		always  bool              // lack what is needed with any flags, too
		missing map[string]string // what is needed with these flags, and the error without
		worse   map[string]string // the same, with a warning: it goes on
	}{
		"run": {[]string{"run", "-q", "-o", "out.json", "--", "true"}, true, nil, nil},
		"run --user": {[]string{"run", "-q", "--user", "65534", "--duration", "200ms", "--stop-timeout", "1s", "-o", "out.json", "--", "sleep", "4"}, false,
			map[string]string{"setuid": "--user needs cap_setuid and cap_setgid", "setgid": "--user needs cap_setuid and cap_setgid"},
			map[string]string{"kill": "needs CAP_KILL"}},
		"record": {[]string{"record", "-q", "--cgroup", closed, "--duration", "100ms"}, true, nil,
			map[string]string{"sys_ptrace": "permission denied: add cap_sys_ptrace"}},
		"denials": {[]string{"denials", "-q", "--cgroup", closed, "--duration", "100ms"}, true, nil,
			map[string]string{"audit_read": "or with CAP_AUDIT_READ", "sys_ptrace": "permission denied: add cap_sys_ptrace"}},
		"verify": {[]string{"verify", "-q", "docker-default", "--", "true"}, false,
			map[string]string{"sys_admin": "cap_sys_admin, or use --no-new-privileges"}, nil},
		"verify --no-new-privileges": {[]string{"verify", "-q", "--no-new-privileges", "docker-default", "--", "true"}, true, nil, nil},
		"verify --user": {[]string{"verify", "-q", "--no-new-privileges", "--user", "65534", "--duration", "200ms", "--stop-timeout", "1s", "docker-default", "--", "sleep", "4"}, false,
			map[string]string{"setuid": "cap_setuid and cap_setgid", "setgid": "cap_setuid and cap_setgid"},
			map[string]string{"kill": "needs CAP_KILL"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			always, withFlags := alwaysNeeded(t, test.args[0]), slices.Concat(slices.Collect(maps.Keys(test.missing)), slices.Collect(maps.Keys(test.worse)))
			have := slices.Concat(always, withFlags)
			if o := newPlace(t).run(onlyCapabilities(t, have...), nil, test.args...); o.code != exitOK || o.stderr != "" {
				t.Errorf("with %q: exit code %d: %s", have, o.code, o.stderr)
			}
			for _, lacked := range withFlags {
				lack(t, test.args, have, lacked, test.missing[lacked], test.worse[lacked])
			}
			for _, lacked := range always {
				if test.always {
					lack(t, test.args, have, lacked, missingAlways[lacked], worseAlways[lacked])
				}
			}
		})
	}
}

// lack runs scallop without one of the capabilities that it needs: there is an error, or a warning.
func lack(t *testing.T, args, needed []string, capability, failure, warning string) {
	t.Helper()
	rest := slices.DeleteFunc(slices.Clone(needed), func(name string) bool { return name == capability })
	p := newPlace(t)
	o := p.run(onlyCapabilities(t, rest...), nil, args...)
	if warning == "" {
		p.wantError(o, exitHost, failure)
		return
	}
	others := slices.ContainsFunc(strings.Split(strings.TrimSpace(o.stderr), "\n"), func(line string) bool { return !strings.HasPrefix(line, "scallop: warning: ") })
	if o.code != exitOK || others || !strings.Contains(o.stderr, warning) {
		t.Errorf("without %s: exit code %d, want a warning of %q: %s", capability, o.code, warning, o.stderr)
	}
}

// TestCapabilitiesOfDoctor: without one it says so, and that is why the host cannot record.
func TestCapabilitiesOfDoctor(t *testing.T) {
	needed := alwaysNeeded(t, "doctor")
	if o := newPlace(t).run(onlyCapabilities(t, needed...), nil, "doctor"); o.code != exitOK {
		t.Errorf("with %q: exit code %d: %s%s", needed, o.code, o.stdout, o.stderr)
	}
	lines := map[string]string{
		"bpf":          "FAIL  capabilities      missing: cap_bpf; next: run as root",
		"perfmon":      "FAIL  capabilities      missing: cap_perfmon; next: run as root",
		"dac_override": "permission denied; next: run as root with cap_dac_override",
		"sys_resource": "or add cap_sys_resource",
		"sys_nice":     "warn  capabilities      missing: cap_sys_nice; next: add it",
	}
	for _, lacked := range needed {
		rest := slices.DeleteFunc(slices.Clone(needed), func(name string) bool { return name == lacked })
		o := newPlace(t).run(onlyCapabilities(t, rest...), nil, "doctor")
		if can := lacked == "sys_nice"; (o.code == exitOK) != can || !strings.Contains(o.stdout, lines[lacked]) {
			t.Errorf("without %s: exit code %d, want %q:\n%s", lacked, o.code, lines[lacked], o.stdout)
		}
	}
}

// TestCapabilitiesOfUnpin: where a workload is that nobody remembers, the kernel tells whom it may.
func TestCapabilitiesOfUnpin(t *testing.T) {
	for name, extra := range map[string][]string{"found": {"dac_read_search"}, "not found": nil} {
		t.Run(name, func(t *testing.T) {
			p := newPinned(t)
			cmd := p.start()
			p.startLoad()
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			p.stopLoad()
			states, err := filepath.Glob(filepath.Join(p.sockets, "pinned", p.name, "workload-*.json"))
			if err != nil || len(states) != 1 || os.Remove(states[0]) != nil {
				t.Fatal(states, err)
			}
			have := slices.Concat(alwaysNeeded(t, "record"), []string{"sys_ptrace"}, extra)
			o := p.run(onlyCapabilities(t, have...), nil, "record", "--unpin", p.name)
			if told := strings.Contains(o.stderr, "name is not known any more: opening cgroup"); o.code != exitOK || told != (extra == nil) {
				t.Errorf("exit code %d: %s", o.code, o.stderr)
			}
			if found := p.only().Workload.Cgroup == p.cgroup.Path; found != (extra != nil) {
				t.Errorf("recorded %s, want %s", p.only().Workload.Cgroup, p.cgroup.Path)
			}
		})
	}
}

// TestCapabilitiesOfPerfEvent: on kernels that preempt programs, who may not open one is told that calls may be missed; what was denied
// cannot be told at all.
func TestCapabilitiesOfPerfEvent(t *testing.T) {
	if profiler.Probes()[0] != profiler.ProbePerf {
		t.Skip("this kernel needs none")
	}
	hosttest.OwnMachine(t, "it sets kernel.perf_event_paranoid")
	for script, next := range map[string]string{
		"umount /sys/kernel/tracing":                   "mount -t tracefs",
		"echo 3 >/proc/sys/kernel/perf_event_paranoid": "sysctl kernel.perf_event_paranoid=2, or add cap_sys_admin",
	} {
		testPerfEvent(t, inMounts(t, script), next)
	}
	if err := os.WriteFile("/proc/sys/kernel/perf_event_paranoid", []byte("2"), 0); err != nil {
		t.Error(err)
	}
}

func testPerfEvent(t *testing.T, restricted []string, next string) {
	t.Helper()
	with := func(args []string, capabilities ...string) (*place, outcome) {
		p := newPlace(t)
		return p, p.run(append(slices.Clone(restricted), onlyCapabilities(t, capabilities...)...), nil, args...)
	}
	run, verify := []string{"run", "-q", "--", "true"}, []string{"verify", "-q", "--no-new-privileges", "docker-default", "--", "true"}
	for _, args := range [][]string{run, verify} {
		if _, o := with(args, append(alwaysNeeded(t, args[0]), "sys_admin")...); o.code != exitOK || o.stderr != "" {
			t.Errorf("%s with cap_sys_admin: exit code %d, %s", args[0], o.code, o.stderr)
		}
	}
	_, o := with(run, alwaysNeeded(t, "run")...)
	if !strings.HasPrefix(o.stderr, "scallop: warning: calls may be missed") || !strings.Contains(o.stderr, next) {
		t.Errorf("no %q: exit code %d, %s", next, o.code, o.stderr)
	}
	p, o := with(verify, alwaysNeeded(t, "verify")...)
	p.wantError(o, exitHost, "on a kernel that skips programs", next)
	if _, o := with([]string{"doctor"}, alwaysNeeded(t, "doctor")...); !strings.Contains(o.stdout, "warn  perf-event ") || !strings.Contains(o.stdout, next) {
		t.Errorf("doctor does not say %q: %s", next, o.stdout)
	}
}

// TestCapabilitiesOfStacks: whose memory is hidden has stacks without names. On newer kernels cap_perfmon shows it.
func TestCapabilitiesOfStacks(t *testing.T) {
	p := newPlace(t)
	profile := `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["umask"],"action":"SCMP_ACT_ERRNO","errnoRet":1}]}`
	if err := os.WriteFile(filepath.Join(p.work, "profile.json"), []byte(profile), 0o644); err != nil {
		t.Fatal(err)
	}
	pid, input := p.underProfile("profile.json")
	go func() { // until its input is closed
		for err := error(nil); err == nil; time.Sleep(20 * time.Millisecond) {
			_, err = io.WriteString(input, "\n")
		}
	}()
	needed := append(alwaysNeeded(t, "denials"), "audit_read", "sys_ptrace")
	args := []string{"denials", "-q", "--pid", pid, "--stack", "--duration", "1s"}
	if o := p.run(onlyCapabilities(t, needed...), nil, args...); o.code != exitFinding || o.stderr != "" {
		t.Errorf("with %q: exit code %d: %s", needed, o.code, o.stderr)
	}
	o := p.run(onlyCapabilities(t, needed[:len(needed)-1]...), nil, args...)
	named := strings.Contains(o.stdout, "+0x")
	warned := strings.Contains(o.stderr, "stacks have addresses without names: open /proc/"+pid+"/maps: permission denied: add cap_sys_ptrace")
	if o.code != exitFinding || named == warned {
		t.Errorf("exit code %d: %s%s", o.code, o.stdout, o.stderr)
	}
}

// TestCapabilitiesOfPin: a bpffs is mounted by who may, and by others if it is not necessary.
func TestCapabilitiesOfPin(t *testing.T) {
	c, _ := inOwnCgroup(t, script...)
	needed := append(alwaysNeeded(t, "record"), "sys_ptrace")
	pin := func(mounts string, capabilities ...string) (*place, outcome) {
		p := newPlace(t)
		return p, p.run(append(inMounts(t, mounts), onlyCapabilities(t, capabilities...)...), nil,
			"record", "-q", "--cgroup", c.Path, "--duration", "100ms", "--pin", p.workload, "-o", "out")
	}
	none, one := "while umount /sys/fs/bpf; do :; done 2>/dev/null", "mount -t bpf none /sys/fs/bpf"
	for mounts, capabilities := range map[string][]string{none: append(slices.Clone(needed), "sys_admin"), one: needed} {
		if _, o := pin(mounts, capabilities...); o.code != exitOK || o.stderr != "" {
			t.Errorf("%s, with %q: exit code %d: %s", mounts, capabilities, o.code, o.stderr)
		}
	}
	p, o := pin(none, needed...)
	p.wantError(o, exitHost, "operation not permitted: mount one yourself: mount -t bpf bpf /sys/fs/bpf")
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
	if r := recorded.Read(t, files[0]); !r.Complete || r.Workload.Leader.Exe == "" {
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
	wantWhole(t, recorded.Read(t, filepath.Join(p.work, "out.json")), hosttest.RealName(t, "/bin/cat"))
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
