package filter

import (
	"fmt"

	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// auditArches are the kernel's AUDIT_ARCH_ values (uapi/linux/audit.h) of the little-endian ABIs. x32 has that of
// x86_64, and bit 30 in its numbers.
var auditArches = map[syscalls.ABI]uint32{
	syscalls.AArch64:     0xc00000b7,
	syscalls.ARM:         0x40000028,
	syscalls.LoongArch64: 0xc0000102,
	syscalls.MIPSEL:      0x40000008,
	syscalls.MIPSEL64:    0xc0000008,
	syscalls.PPC64LE:     0xc0000015,
	syscalls.RISCV64:     0xc00000f3,
	syscalls.X32:         0xc000003e,
	syscalls.X86:         0x40000003,
	syscalls.X86_64:      0xc000003e,
}

// AuditArch is seccomp_data.arch of the ABI's calls.
func AuditArch(abi syscalls.ABI) (uint32, error) {
	arch, ok := auditArches[abi]
	if !ok {
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
