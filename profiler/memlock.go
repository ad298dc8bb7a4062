package profiler

import (
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// RaiseMemlock lifts the memory lock limit, which counts for BPF up to Linux 5.10, until
// the returned function is called: a command that scallop starts must not inherit it.
// It may fail without CAP_SYS_RESOURCE where it is not needed.
func RaiseMemlock() (restore func()) {
	var before unix.Rlimit
	known := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &before) == nil
	_ = rlimit.RemoveMemlock()
	return func() {
		if known {
			_ = unix.Setrlimit(unix.RLIMIT_MEMLOCK, &before)
		}
	}
}
