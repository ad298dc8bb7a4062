package filter

import (
	"fmt"

	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// AuditArch is seccomp_data.arch of the ABI's calls. Only little-endian ABIs have one here: a filter loads the
// halves of an argument where those keep them.
func AuditArch(abi syscalls.ABI) (uint32, error) {
	arch, ok := syscalls.AuditArch(abi)
	if !ok || arch&syscalls.AuditArchLittleEndian == 0 {
		return 0, fmt.Errorf("filters for %s cannot be made: only little-endian architectures are supported: use --format docker or oci", abi)
	}
	return arch, nil
}

// DataOf is what the kernel hands to a filter for a call. Numbers of x32 are without bit 30.
func DataOf(abi syscalls.ABI, nr int, args [6]uint64) (Data, error) {
	arch, err := AuditArch(abi)
	d := Data{Nr: uint32(nr), Arch: arch, Args: args}
	if abi == syscalls.X32 {
		d.Nr |= syscalls.X32Bit
	}
	return d, err
}
