package profiler

import (
	"fmt"
	"runtime"

	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// ABI names the kernel side's ABI number (bpf/abi.h), on the architecture that
// this binary was built for.
func ABI(n int) syscalls.ABI {
	names := []syscalls.ABI{syscalls.X86_64, syscalls.X86, syscalls.X32}
	if runtime.GOARCH == "arm64" {
		names = []syscalls.ABI{syscalls.AArch64, syscalls.ARM}
	}
	if n < len(names) {
		return names[n]
	}
	return syscalls.ABI(fmt.Sprintf("abi-%d", n))
}
