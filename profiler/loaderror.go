package profiler

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// BTFPath is where a kernel describes its own types.
const BTFPath = "/sys/kernel/btf/vmlinux"

// OldestKernel is the first release with all that scallop needs.
var OldestKernel = KernelVersion{5, 10}

// HostError says what this host refused, why, and what to do about it.
type HostError struct {
	Doing string
	Err   error
	Next  string
}

func (e *HostError) Error() string { return fmt.Sprintf("%s: %v: %s", e.Doing, e.Err, e.Next) }

// Unwrap gives the cause.
func (e *HostError) Unwrap() error { return e.Err }

// AskDoctor is the next step where nothing better is known.
const AskDoctor = "`scallop doctor` tells what this host lacks"

const (
	loading     = "loading BPF programs"
	needsKernel = "scallop needs Linux 5.10 or later, built with CONFIG_DEBUG_INFO_BTF=y"
)

// loadError adds what this process and host lack to what the kernel or the library said. Types are the user's, if any.
func loadError(err error, types *btf.Spec) error {
	status, _ := os.ReadFile("/proc/self/status")
	_, btfErr := os.Stat(BTFPath)
	return explainLoad(err, loadFacts{
		capabilities: EffectiveCapabilities(status),
		btf:          btfErr == nil || types != nil,
		kernel:       runningKernel(),
		lockdown:     lockdownMode(),
	})
}

// loadFacts are what a failed load is judged by.
type loadFacts struct {
	capabilities []string
	btf          bool
	kernel       string // its release
	lockdown     string // its mode, empty: not known
}

// explainLoad finds the reason that the user can do something about. The library's
// own hints mislead: it guesses RLIMIT_MEMLOCK at any EPERM, and EACCES is what the
// verifier returns, too.
func explainLoad(err error, host loadFacts) error {
	missing := MissingToLoad(host.capabilities)
	version, known := ParseKernelVersion(host.kernel)
	var verifier *ebpf.VerifierError
	switch {
	case errors.Is(err, os.ErrPermission) && len(missing) > 0:
		return &HostError{loading, fmt.Errorf("%w: %s missing", unix.EPERM, strings.Join(missing, " and ")),
			"run as root, or with cap_bpf and cap_perfmon"}
	case !host.btf:
		return &HostError{loading, fmt.Errorf("%s is missing", BTFPath), needsKernel + "; or give its types with --btf FILE"}
	case known && version.Before(OldestKernel):
		return &HostError{loading, fmt.Errorf("%s (Linux %s)", firstLine(err), host.kernel), needsKernel}
	case readingRefused(err, host.lockdown):
		return &HostError{loading, errors.New("BPF programs may not read the kernel's memory (lockdown)"), UnlockKernel}
	case errors.Is(err, unix.EPERM) && known && version.LimitsLockedMemory() && !slices.Contains(host.capabilities, "cap_sys_resource"):
		return &HostError{loading, err, "raise the limit of locked memory (ulimit -l unlimited), or add cap_sys_resource"}
	case errors.Is(err, unix.EPERM):
		return &HostError{loading, fmt.Errorf("%w in spite of the capabilities, by a seccomp filter, a security module or the lockdown mode", unix.EPERM), AskDoctor}
	case errors.Is(err, unix.ENOSYS):
		return &HostError{loading, unix.ENOSYS,
			"a seccomp filter or a kernel without CONFIG_BPF_SYSCALL refuses bpf(2): run outside the container"}
	case errors.Is(err, unix.ENOMEM):
		return &HostError{loading, fmt.Errorf("the kernel has no room for the maps, or scallop's memory cgroup has not: %w", unix.ENOMEM),
			"allow it more memory, or record fewer at a time with --max-workloads"}
	case errors.As(err, &verifier):
		return &HostError{loading, fmt.Errorf("the kernel's verifier refused one: %s", firstLine(err)),
			"please report it with the output of `scallop doctor`"}
	default:
		return &HostError{loading, errors.New(firstLine(err)), AskDoctor}
	}
}

// MissingToLoad lists the capabilities that loading and attaching lacks: cap_bpf and
// cap_perfmon (Linux 5.8), for which cap_sys_admin stands in.
func MissingToLoad(effective []string) []string {
	if slices.Contains(effective, "cap_sys_admin") {
		return nil
	}
	var missing []string
	for _, name := range []string{"cap_bpf", "cap_perfmon"} {
		if !slices.Contains(effective, name) {
			missing = append(missing, name)
		}
	}
	return missing
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
