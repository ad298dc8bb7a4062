package profiler

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// KernelVersion is the first two numbers of a kernel's release.
type KernelVersion struct{ Major, Minor int }

// memoryCgroups is the first kernel that charges BPF maps to memory cgroups, and
// not to RLIMIT_MEMLOCK.
var memoryCgroups = KernelVersion{5, 11}

// ParseKernelVersion reads "6.12.63-cloud-amd64".
func ParseKernelVersion(release string) (KernelVersion, bool) {
	var v KernelVersion
	_, err := fmt.Sscanf(release, "%d.%d", &v.Major, &v.Minor)
	return v, err == nil
}

// Before compares by age.
func (v KernelVersion) Before(other KernelVersion) bool {
	return v.Major < other.Major || v.Major == other.Major && v.Minor < other.Minor
}

// LimitsLockedMemory tells whether RLIMIT_MEMLOCK bounds BPF maps.
func (v KernelVersion) LimitsLockedMemory() bool { return v.Before(memoryCgroups) }

func runningKernel() string {
	var uts unix.Utsname
	if unix.Uname(&uts) != nil {
		return ""
	}
	return unix.ByteSliceToString(uts.Release[:])
}
