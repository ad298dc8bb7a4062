package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
)

// goodFacts is a host where everything is right.
func goodFacts() *Facts {
	machines := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}
	return &Facts{
		Kernel: "6.12.63-cloud", Machine: machines[runtime.GOARCH], CPUs: 4, PossibleCPUs: 8,
		Capabilities:   []string{"cap_kill", "cap_setgid", "cap_setuid", "cap_sys_admin", "cap_perfmon", "cap_bpf"},
		Mount:          cgroup.Mount{Path: "/sys/fs/cgroup", Layout: cgroup.Unified},
		Cgroup:         "/user.slice",
		SeccompActions: []string{"kill_process", "errno", "log", "allow"},
		Lockdown:       "none [integrity] confidentiality",
		MemoryLock:     8 << 20,
		Unprivileged:   "2",
		BPFFS:          true,
		Tracefs:        "/sys/kernel/tracing",
		Memory:         []Memory{{1, 8, 900 << 10}, {256, 8, 16 << 20}, {1, 64, 2 << 20}, {256, 64, 44 << 20}},
		Runtimes:       []Runtime{{"docker", "28.2.2"}, {"runc", "1.3.0"}},
		SelfTests: []SelfTest{
			{Probe: profiler.ProbeTpBTF, Made: 10, Counted: 10},
			{Probe: profiler.ProbeRaw, Made: 10, Counted: 10},
		},
	}
}

func onV1(f *Facts) {
	f.Mount = cgroup.Mount{Path: "/sys/fs/cgroup/pids", Layout: cgroup.V1, Controller: "pids"}
}

func find(t *testing.T, checks []Check, name string) Check {
	t.Helper()
	i := slices.IndexFunc(checks, func(c Check) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no check %q", name)
	}
	return checks[i]
}

func TestJudgeGoodHost(t *testing.T) {
	checks := Judge(goodFacts())
	for _, c := range checks {
		if c.Verdict != OK || c.Next != "" || c.Found == "" {
			t.Errorf("%+v", c)
		}
	}
	if !CanRecord(checks) {
		t.Error("a good host cannot record")
	}
}

// TestJudge changes one fact at a time, on a host where the self-test fails, so that
// a failure is not mended by it.
func TestJudge(t *testing.T) {
	refused := func(f *Facts, err error) { f.MkdirErr = &fs.PathError{Op: "mkdir", Path: "x", Err: err} }
	for _, test := range []struct {
		what    string
		change  func(*Facts)
		check   string
		verdict Verdict
		texts   []string // in what was found and the next step
	}{
		{"old kernel", func(f *Facts) { f.Kernel = "5.4.0-150-generic" }, "kernel", Fail, []string{"5.4.0-150", "5.10 or later"}},
		{"oldest kernel", func(f *Facts) { f.Kernel = "5.10.0-36-amd64" }, "kernel", OK, nil},
		{"no version", func(f *Facts) { f.Kernel = "linux" }, "kernel", Warn, []string{"no version"}},
		{"another machine", func(f *Facts) { f.Machine = "riscv64" }, "architecture", Fail, []string{"riscv64", "x86_64 or aarch64"}},
		{"no sysfs", func(f *Facts) { f.PossibleCPUs = 0 }, "cpus", Fail, []string{"mount -t sysfs"}},
		{"no BTF", func(f *Facts) { f.BTF = errors.New("not supported") }, "btf", Fail, []string{"CONFIG_DEBUG_INFO_BTF"}},
		{"no BTF", func(f *Facts) { f.BTF = errors.New("not supported") }, "btf", Fail, []string{"--btf FILE"}},
		{"BTF from a file", func(f *Facts) { f.Given = true }, "btf", OK, []string{"from the file"}},
		{"no BTF", func(f *Facts) { f.BTF = errors.New("not supported") }, "tracepoints", Warn, []string{"see btf"}},
		{"no tracepoint", func(f *Facts) { f.NoTracepoint = []string{"sys_enter"} }, "tracepoints", Fail, []string{"sys_enter", "CONFIG_FTRACE_SYSCALLS"}},
		{"no capability", func(f *Facts) { f.Capabilities = nil }, "capabilities", Fail, []string{"missing: cap_bpf, cap_perfmon", "run as root"}},
		{"no perfmon", func(f *Facts) { f.Capabilities = []string{"cap_bpf"} }, "capabilities", Fail, []string{"missing: cap_perfmon;"}},
		{"no --user", func(f *Facts) { f.Capabilities = []string{"cap_bpf", "cap_perfmon", "cap_setuid"} }, "capabilities", Warn, []string{"cap_setgid, cap_kill", "--user"}},
		{"sys_admin alone", func(f *Facts) { f.Capabilities = []string{"cap_sys_admin", "cap_setuid", "cap_setgid", "cap_kill"} }, "capabilities", OK, []string{"stands in"}},
		{"no cgroup2", func(f *Facts) { f.MountErr = cgroup.ErrNoMount }, "cgroup", Fail, []string{"mount -t cgroup2"}},
		{"no cgroup2", func(f *Facts) { f.MountErr = cgroup.ErrNoMount }, "cgroup-write", Warn, []string{"not tried"}},
		{"no cgroup2", func(f *Facts) { f.MountErr = cgroup.ErrNoMount }, "clone3", Warn, []string{"not tried"}},
		{"v1 only", onV1, "cgroup", OK, []string{"v1 (no cgroup2: the pids hierarchy stands in), at /sys/fs/cgroup/pids"}},
		{"v1 only", onV1, "clone3", OK, []string{"moved a child into a cgroup"}},
		{"v1 only, no move", func(f *Facts) { onV1(f); f.CloneErr = unix.ENOSPC }, "clone3", Fail, []string{"no space left", "cpuset.cpus"}},
		{"hybrid", func(f *Facts) { f.Mount.Layout = cgroup.Hybrid }, "cgroup", OK, []string{"beside v1"}},
		{"no right to the cgroup", func(f *Facts) { refused(f, unix.EACCES) }, "cgroup-write", Fail, []string{"below /user.slice: permission denied", "cap_dac_override"}},
		{"read-only cgroup2", func(f *Facts) { refused(f, unix.EROFS) }, "cgroup-write", Fail, []string{"remount,rw /sys/fs/cgroup"}},
		{"too many cgroups", func(f *Facts) { refused(f, unix.EAGAIN) }, "cgroup-write", Fail, []string{"cgroup.max.descendants"}},
		{"clone3 filtered", func(f *Facts) { f.CloneErr = fmt.Errorf("fork: %w", unix.ENOSYS) }, "clone3", Fail, []string{"outside the container"}},
		{"clone3 refused", func(f *Facts) { f.CloneErr = unix.EBUSY }, "clone3", Fail, []string{"another cgroup"}},
		{"no seccomp", func(f *Facts) { f.SeccompActions = nil }, "seccomp", Warn, []string{"CONFIG_SECCOMP_FILTER"}},
		{"no log action", func(f *Facts) { f.SeccompActions = []string{"kill_process", "errno", "allow"} }, "seccomp", Warn, []string{"missing: log"}},
		{"under a filter", func(f *Facts) { f.Seccomp = 2 }, "own-filter", Warn, []string{"mode 2", "seccomp=unconfined"}},
		{"no_new_privs", func(f *Facts) { f.NoNewPrivs = true }, "own-filter", Warn, []string{"setuid"}},
		{"no lockdown", func(f *Facts) { f.Lockdown = "[none] integrity confidentiality" }, "lockdown", OK, []string{"none"}},
		{"confidentiality", func(f *Facts) { f.Lockdown = "none integrity [confidentiality]" }, "lockdown", Fail, []string{"may not read kernel memory"}},
		{"lockdown unknown", func(f *Facts) { f.Lockdown = "" }, "lockdown", OK, []string{"unknown"}},
		{"locked memory, 5.10", func(f *Facts) { f.Kernel, f.MemoryLock = "5.10.0", 64<<10 }, "memory-lock", Fail, []string{"limit 64 KiB, a command needs 900 KiB", "ulimit -l"}},
		{"locked memory, 5.10, enough", func(f *Facts) { f.Kernel, f.MemoryLock = "5.10.0", 900<<10 }, "memory-lock", OK, nil},
		{"locked memory, 5.10, lifted", func(f *Facts) {
			f.Kernel, f.MemoryLock, f.Capabilities = "5.10.0", 64<<10, []string{"cap_sys_resource"}
		}, "memory-lock", OK, nil},
		{"locked memory, 5.11", func(f *Facts) { f.Kernel, f.MemoryLock = "5.11.0", 0 }, "memory-lock", OK, []string{"not used for BPF"}},
		{"no limit", func(f *Facts) { f.MemoryLock = ^uint64(0) }, "memory-lock", OK, []string{"unlimited"}},
		{"BPF for all", func(f *Facts) { f.Unprivileged = "0" }, "unprivileged-bpf", OK, []string{"open to all"}},
		{"no bpffs", func(f *Facts) { f.BPFFS = false }, "bpffs", OK, []string{"not mounted; not needed"}},
		{"no perf event", func(f *Facts) {
			f.PerfRefused = &profiler.HostError{Doing: "opening tracefs", Err: unix.EPERM, Next: "mount it"}
		}, "perf-event", Warn, []string{"opening tracefs: operation not permitted", "mount it"}},
		{"perf event", func(f *Facts) { f.SelfTests[0].Probe = profiler.ProbePerf }, "perf-event", OK, []string{"can be opened"}},
		{"perf event not needed", func(f *Facts) {}, "perf-event", OK, []string{"not needed"}},
		{"no tracefs", func(f *Facts) { f.Tracefs = "" }, "tracefs", OK, []string{"not mounted; not needed"}},
		{"memory", func(*Facts) {}, "map-memory", OK, []string{"8 CPUs: one command 900 KiB, 256 workloads 16.0 MiB; 64 CPUs: one command 2.0 MiB, 256 workloads 44.0 MiB"}},
		{"no runtime", func(f *Facts) { f.Runtimes = nil }, "runtimes", OK, []string{"not needed for scallop run"}},
	} {
		t.Run(test.what+"/"+test.check, func(t *testing.T) {
			f := goodFacts()
			f.SelfTests = []SelfTest{{Probe: profiler.ProbeTpBTF, Err: errors.New("x")}, {Probe: profiler.ProbeRaw, Err: errors.New("x")}}
			test.change(f)
			got := find(t, Judge(f), test.check)
			if got.Verdict != test.verdict || (got.Next == "") != (got.Verdict == OK) {
				t.Errorf("%+v", got)
			}
			for _, text := range test.texts {
				if !strings.Contains(got.Found+"; "+got.Next, text) {
					t.Errorf("no %q in %+v", text, got)
				}
			}
		})
	}
}

func TestJudgeSelfTests(t *testing.T) {
	good := SelfTest{Made: 10, Counted: 10}
	host := &profiler.HostError{Doing: "loading", Err: errors.New("refused"), Next: profiler.AskDoctor}
	for name, test := range map[string]struct {
		typed, raw SelfTest
		want       [2]Verdict
		text       string
	}{
		"both count":        {good, good, [2]Verdict{OK, OK}, "10 calls made, 10 counted, losses 0"},
		"one is enough":     {SelfTest{Err: host}, good, [2]Verdict{Warn, OK}, "self-test: loading: refused; not needed"},
		"none loads":        {SelfTest{Err: host}, SelfTest{Err: host}, [2]Verdict{Fail, Fail}, "self-test: loading: refused; see the lines above"},
		"with its own step": {SelfTest{Err: &profiler.HostError{Doing: "a", Err: unix.ENOSYS, Next: "b"}}, SelfTest{Err: host}, [2]Verdict{Fail, Fail}, "not implemented; b"},
		"one too few":       {SelfTest{Made: 10, Counted: 9}, SelfTest{Err: host}, [2]Verdict{Fail, Fail}, "10 calls made, 9 counted"},
		"one too many":      {SelfTest{Made: 10, Counted: 11}, SelfTest{Err: host}, [2]Verdict{Fail, Fail}, "11 counted"},
		"something lost":    {SelfTest{Made: 10, Counted: 10, Losses: 1}, SelfTest{Err: host}, [2]Verdict{Fail, Fail}, "1 losses"},
	} {
		t.Run(name, func(t *testing.T) {
			checks := judgeSelfTests([]SelfTest{test.typed, test.raw})
			if got := [2]Verdict{checks[0].Verdict, checks[1].Verdict}; got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if text := checks[0].Found + "; " + checks[0].Next; !strings.Contains(text, test.text) {
				t.Errorf("no %q in %q", test.text, text)
			}
		})
	}
}

// TestSelfTestDecides: where recording works, no other check may say that it cannot.
func TestSelfTestDecides(t *testing.T) {
	f := goodFacts()
	f.Lockdown, f.Kernel = "none integrity [confidentiality]", "4.18.0-553.el8"
	checks := Judge(f)
	if !CanRecord(checks) {
		t.Error("the self-test passed, and yet this host cannot record")
	}
	for _, name := range []string{"kernel", "lockdown"} {
		if c := find(t, checks, name); c.Verdict != Warn || c.Next == "" {
			t.Errorf("%+v", c)
		}
	}
}

func TestParse(t *testing.T) {
	if got := parseTracefs("proc /proc proc rw 0 0\nnone /sys/kernel/tracing tracefs rw 0 0\n"); got != "/sys/kernel/tracing" {
		t.Errorf("tracefs at %q", got)
	}
	for text, want := range map[string]string{
		"runc version 1.1.15+ds1\ncommit: x":                            "1.1.15+ds1",
		"Docker version 26.1.5, build a72d7":                            "26.1.5",
		"podman version 5.4.2":                                          "5.4.2",
		"crun version 1.8.1":                                            "1.8.1",
		"containerd github.com/containerd/containerd 1.7.24~ds1 1.7.24": "1.7.24~ds1",
		"":        unknownVersion,
		"nothing": unknownVersion,
	} {
		if got := parseVersion(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := profiler.ParseLockdown("garbage"); got != "" {
		t.Errorf("lockdown %q", got)
	}
}
