// Package syscalls names Linux system calls: tables from number to name and
// back, one per ABI, as plain data that is the same on every platform.
//
// The numbers come from golang.org/x/sys (kernel 7.2 in v0.49.0). The names
// are libseccomp's, which are the kernel's own; each entry is tested against
// libseccomp's resolver. Numbers are what seccomp sees in seccomp_data.nr,
// with one exception: those of x32 are without [X32Bit]. So the MIPS numbers
// carry their base of 4000 or 5000, and ARM's private calls theirs of 0x0f0000.
//
// Not covered, because golang.org/x/sys has no numbers for them: MIPS n32,
// PA-RISC, 31-bit s390, m68k and SuperH. sparc64 is not covered because
// libseccomp does not know it. loongarch64 is not known to libseccomp before
// 2.6; the tests compare it with aarch64, whose generic numbers it shares.
//
// A table has one name per number and one number per name. The kernel's
// headers have further spellings as macros (on ARM, sync_file_range2 for
// arm_sync_file_range); they are left out because libseccomp does not resolve
// them, and a profile with them would not allow the call.
package syscalls

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

//go:generate go run ./gen

// ABI names a system call interface, as libseccomp's tools spell it.
type ABI string

// The ABIs that have a table.
const (
	AArch64     ABI = "aarch64"
	ARM         ABI = "arm" // EABI
	LoongArch64 ABI = "loongarch64"
	MIPS        ABI = "mips" // o32
	MIPS64      ABI = "mips64"
	MIPSEL      ABI = "mipsel" // o32
	MIPSEL64    ABI = "mipsel64"
	PPC         ABI = "ppc"
	PPC64       ABI = "ppc64"
	PPC64LE     ABI = "ppc64le"
	RISCV64     ABI = "riscv64"
	S390X       ABI = "s390x"
	X32         ABI = "x32"
	X86         ABI = "x86"
	X86_64      ABI = "x86_64"
)

// X32Bit is set in the number of every x32 call that the kernel receives: it
// is all that tells x32 from x86_64, whose AUDIT_ARCH it shares. Clear it
// before [Name], set it after [Number].
const X32Bit = 1 << 30

type call struct {
	nr   int
	name string
}

type descriptor struct {
	abi     ABI
	goarch  string // empty: no Go port has this as its native ABI
	calls   []call
	numbers func() map[string]int
	archMap []string
}

// descriptors is sorted by ABI.
var descriptors = [...]descriptor{
	describe(AArch64, "arm64", tableAARCH64, "SCMP_ARCH_ARM"),
	describe(ARM, "arm", tableARM),
	describe(LoongArch64, "loong64", tableLOONGARCH64),
	describe(MIPS, "mips", tableMIPS),
	describe(MIPS64, "mips64", tableMIPS64, "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64N32"),
	describe(MIPSEL, "mipsle", tableMIPSEL),
	describe(MIPSEL64, "mips64le", tableMIPSEL64, "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64N32"),
	describe(PPC, "ppc", tablePPC),
	describe(PPC64, "ppc64", tablePPC64),
	describe(PPC64LE, "ppc64le", tablePPC64LE),
	describe(RISCV64, "riscv64", tableRISCV64),
	describe(S390X, "s390x", tableS390X, "SCMP_ARCH_S390"),
	describe(X32, "", tableX32),
	describe(X86, "386", tableX86),
	describe(X86_64, "amd64", tableX86_64, "SCMP_ARCH_X86", "SCMP_ARCH_X32"),
}

// describe leaves the index by name to its first use: most programs ask for
// one ABI of the fifteen.
func describe(abi ABI, goarch string, calls []call, archMap ...string) descriptor {
	numbers := sync.OnceValue(func() map[string]int {
		index := make(map[string]int, len(calls))
		for _, c := range calls {
			index[c.name] = c.nr
		}
		return index
	})
	return descriptor{abi, goarch, calls, numbers, archMap}
}

func find(match func(*descriptor) bool) *descriptor {
	for i := range descriptors {
		if match(&descriptors[i]) {
			return &descriptors[i]
		}
	}
	return nil
}

func byABI(abi ABI) *descriptor {
	return find(func(d *descriptor) bool { return d.abi == abi })
}

// Name returns the name of call nr, and false if the ABI has no such call or
// is not known.
func Name(abi ABI, nr int) (string, bool) {
	d := byABI(abi)
	if d == nil {
		return "", false
	}
	i, ok := slices.BinarySearchFunc(d.calls, nr, func(c call, nr int) int {
		return cmp.Compare(c.nr, nr)
	})
	if !ok {
		return "", false
	}
	return d.calls[i].name, true
}

// Number returns the number of the named call, and false if the ABI has no
// such call or is not known.
func Number(abi ABI, name string) (int, bool) {
	d := byABI(abi)
	if d == nil {
		return 0, false
	}
	nr, ok := d.numbers()[name]
	return nr, ok
}

// ABIs returns every ABI that has a table, sorted.
func ABIs() []ABI {
	abis := make([]ABI, len(descriptors))
	for i, d := range descriptors {
		abis[i] = d.abi
	}
	return abis
}

// SeccompArch returns the SCMP_ARCH_ constant that OCI runtime configurations
// and Docker's profiles use for the ABI, and "" if the ABI is not known.
func SeccompArch(abi ABI) string {
	if byABI(abi) == nil {
		return ""
	}
	return "SCMP_ARCH_" + strings.ToUpper(string(abi))
}

// Native returns the ABI that a kernel of the given GOARCH runs natively.
func Native(goarch string) (ABI, bool) {
	if goarch == "" {
		return "", false
	}
	d := find(func(d *descriptor) bool { return d.goarch == goarch })
	if d == nil {
		return "", false
	}
	return d.abi, true
}

// SubABIs returns the ABIs that Docker's default profile allows beside the
// native one, in its order: those of [ArchMap] that have a table here.
func SubABIs(native ABI) []ABI {
	var subs []ABI
	for _, arch := range ArchMap(native) {
		if d := find(func(d *descriptor) bool { return SeccompArch(d.abi) == arch }); d != nil {
			subs = append(subs, d.abi)
		}
	}
	return subs
}

// ArchMap returns the subArchitectures of the native ABI in the archMap of
// Docker's default profile (github.com/moby/profiles/seccomp), in its order.
// It is nil for an ABI that the profile lists without any, such as riscv64,
// and for one that it does not list, such as ppc64le: the filter then covers
// the native architecture alone in both cases.
func ArchMap(native ABI) []string {
	d := byABI(native)
	if d == nil {
		return nil
	}
	return slices.Clone(d.archMap)
}
