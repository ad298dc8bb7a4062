package profiler

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

func TestExplainLoad(t *testing.T) {
	both := []string{"cap_perfmon", "cap_bpf"}
	verifier := &ebpf.VerifierError{Cause: unix.EACCES, Log: []string{"R1 invalid mem access"}}
	for name, test := range map[string]struct {
		err  error
		host loadFacts
		want string
	}{
		"no capability": {unix.EPERM, loadFacts{nil, true, "6.12.0", ""}, "cap_bpf and cap_perfmon missing: run as root"},
		"one missing":   {unix.EPERM, loadFacts{[]string{"cap_bpf"}, true, "6.12.0", ""}, ": cap_perfmon missing: "},
		// The capability comes first: without it, nothing else can be told.
		"no capability, no BTF":       {unix.EPERM, loadFacts{nil, false, "6.12.0", ""}, "cap_bpf and cap_perfmon missing"},
		"sys_admin stands in":         {unix.EPERM, loadFacts{[]string{"cap_sys_admin"}, true, "6.12.0", ""}, "or the lockdown mode: `scallop doctor`"},
		"no BTF":                      {errors.New("not supported"), loadFacts{both, false, "6.12.0", ""}, "/sys/kernel/btf/vmlinux is missing: scallop needs Linux 5.10"},
		"old kernel":                  {errors.New("unknown func"), loadFacts{both, true, "5.4.0-150", ""}, "unknown func (Linux 5.4.0-150): scallop needs Linux 5.10"},
		"locked memory, up to 5.10":   {unix.EPERM, loadFacts{both, true, "5.10.0-36", ""}, "ulimit -l unlimited"},
		"refused in spite of all":     {unix.EPERM, loadFacts{both, true, "6.12.0", ""}, "a seccomp filter, a security module or the lockdown mode"},
		"bpf(2) filtered":             {unix.ENOSYS, loadFacts{both, true, "6.12.0", ""}, "run outside the container"},
		"no memory":                   {fmt.Errorf("map workloads: map create: %w", unix.ENOMEM), loadFacts{both, true, "6.12.0", ""}, "cannot allocate memory: allow it more memory, or record fewer"},
		"locked down":                 {unix.EPERM, loadFacts{both, true, "6.12.0", "confidentiality"}, "(lockdown): boot without lockdown=confidentiality"},
		"locked down, not told":       {fmt.Errorf("program x: %w", &ebpf.VerifierError{Cause: unix.EINVAL, Log: []string{"unknown func bpf_probe_read_kernel#113"}}), loadFacts{both, true, "6.12.0", ""}, "boot without lockdown"},
		"verifier, which says EACCES": {fmt.Errorf("program x: %w", verifier), loadFacts{both, true, "6.12.0", ""}, "verifier refused one: program x: "},
		"anything else":               {errors.New("one\ntwo"), loadFacts{both, true, "6.12.0", ""}, "programs: one: `scallop doctor`"},
	} {
		t.Run(name, func(t *testing.T) {
			got := explainLoad(test.err, test.host).Error()
			if !strings.Contains(got, test.want) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if strings.Contains(got, "\n") {
				t.Errorf("more than one line: %q", got)
			}
		})
	}
}

func TestKernelVersion(t *testing.T) {
	for release, want := range map[string]KernelVersion{
		"6.18.44-x": {6, 18}, "5.10": {5, 10}, "5.9.0": {5, 9},
	} {
		if got, ok := ParseKernelVersion(release); !ok || got != want {
			t.Errorf("%s: got %v, %v", release, got, ok)
		}
	}
	if _, ok := ParseKernelVersion("unknown"); ok {
		t.Error("a release without numbers was read")
	}
	if !(KernelVersion{5, 9}).Before(OldestKernel) || (KernelVersion{6, 1}).Before(OldestKernel) || OldestKernel.Before(OldestKernel) {
		t.Error("kernel versions are compared wrongly")
	}
}
