package syscalls

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestAuditArchAgainstKernelHeaders(t *testing.T) {
	want := map[ABI]uint32{
		AArch64: unix.AUDIT_ARCH_AARCH64, ARM: unix.AUDIT_ARCH_ARM, LoongArch64: unix.AUDIT_ARCH_LOONGARCH64,
		MIPS: unix.AUDIT_ARCH_MIPS, MIPS64: unix.AUDIT_ARCH_MIPS64, MIPSEL: unix.AUDIT_ARCH_MIPSEL, MIPSEL64: unix.AUDIT_ARCH_MIPSEL64,
		PPC: unix.AUDIT_ARCH_PPC, PPC64: unix.AUDIT_ARCH_PPC64, PPC64LE: unix.AUDIT_ARCH_PPC64LE, RISCV64: unix.AUDIT_ARCH_RISCV64,
		S390X: unix.AUDIT_ARCH_S390X, X32: unix.AUDIT_ARCH_X86_64, X86: unix.AUDIT_ARCH_I386, X86_64: unix.AUDIT_ARCH_X86_64,
	}
	for _, abi := range ABIs() {
		arch, ok := AuditArch(abi)
		if !ok || arch != want[abi] {
			t.Errorf("AuditArch(%s) = %#x, %v; want %#x", abi, arch, ok, want[abi])
		}
		nr := 40
		if abi == X32 {
			nr |= X32Bit
		}
		if back, backNr, ok := OfAudit(arch, nr); !ok || back != abi || backNr != 40 {
			t.Errorf("OfAudit(%#x, %#x) = %s, %d, %v; want %s, 40", arch, nr, back, backNr, ok, abi)
		}
	}
	if abi, nr, ok := OfAudit(unix.AUDIT_ARCH_PARISC, 40); ok || abi != "" || nr != 40 {
		t.Errorf("an unknown architecture is %q, %d, %v", abi, nr, ok)
	}
}
