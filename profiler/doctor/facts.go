// Package doctor tells whether this host can record, and if not, what to do. Reading
// (facts.go, attempt.go) and judging (checks.go) are apart: Judge is a pure function.
package doctor

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/iovisor/gobpf/pkg/bpffs"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
)

// Facts are what Gather found. An error in them is a finding, too.
type Facts struct {
	Kernel       string // release
	Machine      string
	CPUs         int // online
	PossibleCPUs int

	BTF          error    // nil: there
	Given        bool     // by a file of the user's
	NoTracepoint []string // those of scallop that the BTF lacks

	Capabilities []string // effective ones
	Seccomp      int      // mode of scallop itself
	NoNewPrivs   bool

	Mount    cgroup.Mount
	MountErr error
	Cgroup   string // scallop's own
	MkdirErr error  // of a cgroup below it
	CloneErr error  // of a child into that

	SeccompActions []string
	Lockdown       string // the file's text; empty if it cannot be read
	MemoryLock     uint64 // bytes, the limit in force
	Unprivileged   string // kernel.unprivileged_bpf_disabled; empty if not known
	BPFFS          bool
	Tracefs        string // where it is mounted; empty if it is not
	PerfRefused    error  // why it cannot be used, where that is needed

	Memory    []Memory
	Runtimes  []Runtime
	SelfTests []SelfTest
}

// Memory is the kernel memory of all maps, for a number of workloads at a time.
type Memory struct {
	Workloads int
	CPUs      int
	Bytes     int
}

// Runtime is a container runtime of this host.
type Runtime struct {
	Name    string
	Version string
}

// Gather reads and attempts everything. child is a command line that makes that
// many getppid calls.
// Types are the kernel's from a file of the user's, nil: it tells them.
func Gather(ctx context.Context, types *btf.Spec, child func(calls int) []string) *Facts {
	f := &Facts{Given: types != nil}
	readKernel(f)
	readSelf(f)
	readMounts(f)
	f.NoTracepoint, f.BTF = readTracepoints(types)
	f.Memory = memory(f.PossibleCPUs)
	f.Runtimes = findRuntimes(ctx)
	if f.MountErr == nil {
		attemptCgroup(f, child(0))
	}
	for _, probe := range profiler.Probes() {
		f.SelfTests = append(f.SelfTests, selfTest(probe, types, f.Mount, f.MountErr, child))
	}
	return f
}

func readKernel(f *Facts) {
	var uts unix.Utsname
	if unix.Uname(&uts) == nil {
		f.Kernel = unix.ByteSliceToString(uts.Release[:])
		f.Machine = unix.ByteSliceToString(uts.Machine[:])
	}
	f.CPUs = runtime.NumCPU()
	if n, err := ebpf.PossibleCPU(); err == nil {
		f.PossibleCPUs = n
	}
	f.SeccompActions = strings.Fields(readText("/proc/sys/kernel/seccomp/actions_avail"))
	f.Lockdown = readText(profiler.LockdownPath)
	f.Unprivileged = readText("/proc/sys/kernel/unprivileged_bpf_disabled")
}

func readSelf(f *Facts) {
	status := []byte(readText("/proc/self/status"))
	f.Capabilities = profiler.EffectiveCapabilities(status)
	f.Seccomp, _ = strconv.Atoi(profiler.StatusField(status, "Seccomp"))
	f.NoNewPrivs = profiler.StatusField(status, "NoNewPrivs") == "1"
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit) == nil {
		f.MemoryLock = limit.Cur
	}
}

func readMounts(f *Facts) {
	f.Mount, f.MountErr = cgroup.FindMount()
	f.Cgroup = f.Mount.ParseOwn(readText("/proc/self/cgroup"))
	f.BPFFS, _ = bpffs.IsMounted()
	f.Tracefs = parseTracefs(readText("/proc/self/mounts"))
	f.PerfRefused = profiler.PerfRefused()
}

// readText is empty for a file that cannot be read: the judge knows what that means.
func readText(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func memory(possible int) []Memory {
	var list []Memory
	for _, cpus := range []int{possible, 64} {
		for _, workloads := range []int{1, 256} {
			n, err := profiler.SizesFor(workloads).MemoryBytes(cpus)
			if err == nil && cpus > 0 {
				list = append(list, Memory{workloads, cpus, n})
			}
		}
	}
	return list
}
