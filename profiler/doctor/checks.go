package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
)

// Verdict of a check.
type Verdict string

// Verdicts. Fail means that this host cannot record.
const (
	OK   Verdict = "ok"
	Warn Verdict = "warn"
	Fail Verdict = "fail"
)

// Check is one condition of the host.
type Check struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Found   string  `json:"found"`
	Next    string  `json:"next"` // what to do; empty if ok
}

func ok(name, found string) Check         { return Check{name, OK, found, ""} }
func warn(name, found, next string) Check { return Check{name, Warn, found, next} }
func fail(name, found, next string) Check { return Check{name, Fail, found, next} }

// Judge turns facts into checks, always the same ones in the same order. The
// self-test has the last word: where recording works, nothing is more than a warning.
func Judge(f *Facts) []Check {
	checks := []Check{
		judgeKernel(f), judgeArchitecture(f), judgeCPUs(f), judgeBTF(f), judgeTracepoints(f),
		judgeCapabilities(f), judgeCgroup(f), judgeMkdir(f), judgeClone(f),
		judgeSeccomp(f), judgeOwnFilter(f), judgeLockdown(f), judgeMemoryLock(f),
		judgeUnprivileged(f), judgeBPFFS(f), judgeTracefs(f), judgePerfEvent(f), judgeMemory(f), judgeRuntimes(f),
	}
	tests := judgeSelfTests(f.SelfTests)
	if slices.ContainsFunc(tests, func(c Check) bool { return c.Verdict == OK }) {
		for i := range checks {
			if checks[i].Verdict == Fail {
				checks[i].Verdict = Warn
			}
		}
	}
	return append(checks, tests...)
}

// CanRecord is false if any check fails.
func CanRecord(checks []Check) bool {
	return !slices.ContainsFunc(checks, func(c Check) bool { return c.Verdict == Fail })
}

func judgeKernel(f *Facts) Check {
	version, known := profiler.ParseKernelVersion(f.Kernel)
	switch {
	case !known:
		return warn("kernel", fmt.Sprintf("release %q: no version in it", f.Kernel), "the self-test decides")
	case version.Before(profiler.OldestKernel):
		return fail("kernel", "Linux "+f.Kernel, "boot Linux 5.10 or later")
	}
	return ok("kernel", "Linux "+f.Kernel)
}

func judgeArchitecture(f *Facts) Check {
	builds := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}
	if builds[runtime.GOARCH] != f.Machine {
		return fail("architecture", f.Machine, "use scallop on x86_64 or aarch64, built for it: this one is for "+runtime.GOARCH)
	}
	return ok("architecture", f.Machine)
}

func judgeCPUs(f *Facts) Check {
	if f.PossibleCPUs == 0 {
		return fail("cpus", fmt.Sprintf("%d online; the number of possible ones is unknown", f.CPUs),
			"mount sysfs: mount -t sysfs none /sys")
	}
	return ok("cpus", fmt.Sprintf("%d online, %d possible", f.CPUs, f.PossibleCPUs))
}

func judgeBTF(f *Facts) Check {
	if f.BTF != nil {
		return fail("btf", "not found: "+f.BTF.Error(),
			"mount sysfs, or boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, so that there is "+profiler.BTFPath+"; or give its types with --btf FILE")
	}
	if f.Given {
		return ok("btf", "from the file: without the kernel's own, tp_btf does not load, and who is inside a call when `scallop denials` begins is not known")
	}
	return ok("btf", profiler.BTFPath)
}

func judgeTracepoints(f *Facts) Check {
	switch {
	case f.BTF != nil:
		return warn("tracepoints", "unknown without BTF", "see btf")
	case len(f.NoTracepoint) > 0:
		return fail("tracepoints", "missing: "+strings.Join(f.NoTracepoint, ", "),
			"boot a kernel built with CONFIG_FTRACE_SYSCALLS=y and CONFIG_CGROUPS=y")
	}
	return ok("tracepoints", "all are there")
}

func judgeCgroup(f *Facts) Check {
	if f.MountErr != nil {
		return fail("cgroup", "neither cgroup2 nor a v1 hierarchy with a controller is mounted",
			"mount -t cgroup2 none /sys/fs/cgroup")
	}
	layout := map[string]string{
		cgroup.Unified: "cgroup2 alone",
		cgroup.Hybrid:  "cgroup2 beside v1",
		cgroup.V1:      "no cgroup2: the " + f.Mount.Controller + " hierarchy stands in",
	}[f.Mount.Layout]
	return ok("cgroup", fmt.Sprintf("%s (%s), at %s", f.Mount.Layout, layout, f.Mount.Path))
}

func judgeMkdir(f *Facts) Check {
	const name = "cgroup-write"
	switch {
	case f.MountErr != nil:
		return warn(name, "not tried", "see cgroup")
	case f.MkdirErr != nil:
		return fail(name, "no cgroup could be made below "+f.Cgroup+": "+cause(f.MkdirErr), nextForCgroup(f.MkdirErr, f.Mount))
	}
	return ok(name, "made a cgroup below "+f.Cgroup)
}

func judgeClone(f *Facts) Check {
	const name = "clone3"
	switch {
	case f.MountErr != nil || f.MkdirErr != nil:
		return warn(name, "not tried", "see the lines on cgroups")
	case f.CloneErr != nil:
		return fail(name, "no child could be started in a cgroup: "+cause(f.CloneErr), nextForCgroup(f.CloneErr, f.Mount))
	}
	if f.Mount.Controller != "" {
		return ok(name, "not needed: moved a child into a cgroup before its execve")
	}
	return ok(name, "started a child in a cgroup (CLONE_INTO_CGROUP)")
}

// cause is the errno at the bottom of an error: what is above it says where it
// happened, which the check says, too.
func cause(err error) string {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}

func nextForCgroup(err error, m cgroup.Mount) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "run as root with cap_dac_override, or start scallop in a cgroup that belongs to its user (a delegated one)"
	case errors.Is(err, unix.EROFS):
		return "mount -o remount,rw " + m.Path + "; in a container, mount the cgroup file system for writing"
	case errors.Is(err, unix.ENOSYS):
		return "run outside the container: its seccomp filter refuses clone3(2)"
	case errors.Is(err, unix.ENOSPC):
		return "set cpuset.cpus and cpuset.mems of scallop's cgroup, or cgroup.clone_children: the hierarchy has the cpuset controller"
	case errors.Is(err, unix.EAGAIN):
		return "raise pids.max of scallop's cgroup or of one above it, or cgroup.max.descendants"
	}
	return "start scallop in another cgroup, e.g. a shell of its own login session"
}

// wantedActions are those that scallop's profiles use or test with.
var wantedActions = []string{"kill_process", "errno", "log", "allow"}

func judgeSeccomp(f *Facts) Check {
	const name = "seccomp"
	next := "profiles cannot be used here: boot a kernel built with CONFIG_SECCOMP_FILTER=y; recording works"
	if len(f.SeccompActions) == 0 {
		return warn(name, "no /proc/sys/kernel/seccomp/actions_avail", next)
	}
	var missing []string
	for _, action := range wantedActions {
		if !slices.Contains(f.SeccompActions, action) {
			missing = append(missing, action)
		}
	}
	if len(missing) > 0 {
		return warn(name, "actions missing: "+strings.Join(missing, ", "), next)
	}
	return ok(name, "actions: "+strings.Join(f.SeccompActions, ", "))
}

// judgeOwnFilter: what scallop starts inherits both.
func judgeOwnFilter(f *Facts) Check {
	const name = "own-filter"
	switch {
	case f.Seccomp != 0:
		return warn(name, fmt.Sprintf("scallop runs under seccomp (mode %d): its commands inherit that, and what it denies is not seen", f.Seccomp),
			"run scallop outside the container, or without its filter (docker run --security-opt seccomp=unconfined)")
	case f.NoNewPrivs:
		return warn(name, "scallop runs with no_new_privs: setuid programs do not work in its commands",
			"start scallop without it if the command needs sudo, ping or the like")
	}
	return ok(name, "scallop runs without seccomp filter and no_new_privs")
}

func judgeLockdown(f *Facts) Check {
	switch mode := profiler.ParseLockdown(f.Lockdown); mode {
	case "":
		return ok("lockdown", "unknown (securityfs not mounted, or no lockdown): self-test decides")
	case profiler.Confidentiality:
		return fail("lockdown", mode+": BPF programs may not read kernel memory", profiler.UnlockKernel)
	default:
		return ok("lockdown", mode)
	}
}

func judgeMemoryLock(f *Facts) Check {
	const name = "memory-lock"
	limit := "limit " + bytesText(f.MemoryLock)
	if f.MemoryLock == ^uint64(0) {
		limit = "unlimited"
	}
	version, _ := profiler.ParseKernelVersion(f.Kernel)
	needed := oneCommand(f)
	switch {
	case !version.LimitsLockedMemory():
		return ok(name, limit+"; not used for BPF since Linux 5.11")
	case f.MemoryLock >= needed || slices.Contains(f.Capabilities, "cap_sys_resource"):
		return ok(name, limit)
	default:
		return fail(name, limit+", a command needs "+bytesText(needed),
			"ulimit -l unlimited, or LimitMEMLOCK=infinity of a unit, or add cap_sys_resource")
	}
}

// oneCommand is the memory that `scallop run` needs here, in bytes.
func oneCommand(f *Facts) uint64 {
	for _, m := range f.Memory {
		if m.Workloads == 1 && m.CPUs == f.PossibleCPUs {
			return uint64(m.Bytes)
		}
	}
	return 0
}

func judgeUnprivileged(f *Facts) Check {
	found := map[string]string{
		"0": "0: BPF is open to all users; scallop does not need that",
		"1": "1: BPF is for privileged users, until reboot",
		"2": "2: BPF is for privileged users",
	}[f.Unprivileged]
	if found == "" {
		found = "unknown"
	}
	return ok("unprivileged-bpf", found)
}

func judgeBPFFS(f *Facts) Check {
	return ok("bpffs", mounted(f.BPFFS, "/sys/fs/bpf")+"; not needed")
}

// judgePerfEvent: a kernel that preempts programs needs one, to miss no calls.
func judgePerfEvent(f *Facts) Check {
	const name = "perf-event"
	var refused *profiler.HostError
	switch {
	case errors.As(f.PerfRefused, &refused):
		return warn(name, fmt.Sprintf("needed by this kernel to miss no calls: %s: %v", refused.Doing, refused.Err), refused.Next)
	case preempts(f):
		return ok(name, "can be opened")
	}
	return ok(name, "not needed by this kernel")
}

func judgeTracefs(f *Facts) Check {
	return ok("tracefs", mounted(f.Tracefs != "", f.Tracefs)+"; not needed (perf trace needs it)")
}

func mounted(is bool, where string) string {
	if is {
		return "mounted at " + where
	}
	return "not mounted"
}

// judgeMemory is information: "2 CPUs: one command 873 KiB, 256 workloads 13 MiB; …".
func judgeMemory(f *Facts) Check {
	var text strings.Builder
	cpus := 0
	for _, m := range f.Memory {
		if m.CPUs != cpus {
			fmt.Fprintf(&text, "; %d CPUs: ", m.CPUs)
			cpus = m.CPUs
		} else {
			text.WriteString(", ")
		}
		who := fmt.Sprintf("%d workloads", m.Workloads)
		if m.Workloads == 1 {
			who = "one command"
		}
		text.WriteString(who + " " + bytesText(uint64(m.Bytes)))
	}
	return ok("map-memory", strings.TrimPrefix(text.String(), "; "))
}

// bytesText is short: "64 KiB", "3.2 MiB".
func bytesText(n uint64) string {
	const kib, mib = 1 << 10, 1 << 20
	if n < mib {
		return fmt.Sprintf("%d KiB", (n+kib-1)/kib)
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/mib)
}

func judgeRuntimes(f *Facts) Check {
	if len(f.Runtimes) == 0 {
		return ok("runtimes", "no container runtime found; not needed for scallop run")
	}
	var parts []string
	for _, r := range f.Runtimes {
		parts = append(parts, r.Name+" "+r.Version)
	}
	return ok("runtimes", strings.Join(parts, ", "))
}

// judgeSelfTests: one probe is enough to record.
func judgeSelfTests(tests []SelfTest) []Check {
	var checks []Check
	for _, t := range tests {
		checks = append(checks, judgeSelfTest(t))
	}
	if slices.ContainsFunc(checks, func(c Check) bool { return c.Verdict == OK }) {
		for i := range checks {
			if checks[i].Verdict == Fail {
				checks[i].Verdict = Warn
				checks[i].Next = "not needed: scallop takes the other probe"
			}
		}
	}
	return checks
}
