package syscalls

// auditArches are the kernel's AUDIT_ARCH_ values (uapi/linux/audit.h), which seccomp_data.arch and
// audit records carry.
var auditArches = map[ABI]uint32{
	AArch64:     0xc00000b7,
	ARM:         0x40000028,
	LoongArch64: 0xc0000102,
	MIPS:        0x00000008,
	MIPS64:      0x80000008,
	MIPSEL:      0x40000008,
	MIPSEL64:    0xc0000008,
	PPC:         0x00000014,
	PPC64:       0x80000015,
	PPC64LE:     0xc0000015,
	RISCV64:     0xc00000f3,
	S390X:       0x80000016,
	X32:         0xc000003e,
	X86:         0x40000003,
	X86_64:      0xc000003e,
}

// AuditArchLittleEndian is set in the AUDIT_ARCH_ of every little-endian ABI.
const AuditArchLittleEndian = 0x40000000

// AuditArch is the AUDIT_ARCH_ value of an ABI; x32 shares that of x86_64.
func AuditArch(abi ABI) (uint32, bool) {
	arch, ok := auditArches[abi]
	return arch, ok
}

// OfAudit is the inverse, for a number as the kernel has it: those of x32 are told from x86_64's by their
// bit 30, which the returned number is without.
func OfAudit(arch uint32, nr int) (ABI, int, bool) {
	if arch == auditArches[X32] && nr >= X32Bit {
		return X32, nr &^ X32Bit, true
	}
	for _, d := range descriptors {
		if d.abi != X32 && auditArches[d.abi] == arch {
			return d.abi, nr, true
		}
	}
	return "", nr, false
}
