package syscalls

import (
	"math"
	"slices"
	"testing"
)

func TestLookup(t *testing.T) {
	for _, tc := range []struct {
		abi  ABI
		nr   int
		name string
	}{
		{X86_64, 0, "read"},
		{X86_64, 262, "newfstatat"},
		{X86_64, 449, "futex_waitv"},
		{X86, 102, "socketcall"},
		{X86, 149, "_sysctl"},
		{X32, 0, "read"},
		{X32, 512, "rt_sigaction"},
		{X32, 547, "pwritev2"},
		{AArch64, 79, "newfstatat"},
		{ARM, 142, "_newselect"},
		{ARM, 0x0f0002, "cacheflush"},
		{MIPS, 4140, "_llseek"},
		{MIPS64, 5000, "read"},
		{LoongArch64, 63, "read"},
	} {
		if name, ok := Name(tc.abi, tc.nr); !ok || name != tc.name {
			t.Errorf("Name(%s, %d) = %q, %v, want %q", tc.abi, tc.nr, name, ok, tc.name)
		}
		if nr, ok := Number(tc.abi, tc.name); !ok || nr != tc.nr {
			t.Errorf("Number(%s, %s) = %d, %v, want %d", tc.abi, tc.name, nr, ok, tc.nr)
		}
	}
}

func TestUnknown(t *testing.T) {
	for _, abi := range append(ABIs(), "", "sparc64") {
		for _, nr := range []int{math.MinInt, -1, 1000, 3999, math.MaxInt32, math.MaxInt} {
			if name, ok := Name(abi, nr); ok || name != "" {
				t.Errorf("Name(%q, %d) = %q, %v", abi, nr, name, ok)
			}
		}
		for _, name := range []string{"", "READ", "sys_read", "syscall_mask", "arch_specific_syscall", "unused18", "reserved221"} {
			if nr, ok := Number(abi, name); ok || nr != 0 {
				t.Errorf("Number(%q, %q) = %d, %v", abi, name, nr, ok)
			}
		}
	}
	for _, abi := range []ABI{"", "sparc64", "X86_64", "amd64"} {
		if _, ok := Name(abi, 0); ok {
			t.Errorf("Name(%q, 0) is known", abi)
		}
		if _, ok := Number(abi, "read"); ok {
			t.Errorf("Number(%q, read) is known", abi)
		}
		if arch := SeccompArch(abi); arch != "" {
			t.Errorf("SeccompArch(%q) = %q", abi, arch)
		}
		if ArchMap(abi) != nil || SubABIs(abi) != nil {
			t.Errorf("%q has sub architectures", abi)
		}
	}
	for _, c := range tableX86_64 {
		if name, ok := Name(X32, X32Bit|c.nr); ok {
			t.Errorf("Name(X32, %#x) = %q: table numbers are without X32Bit", X32Bit|c.nr, name)
		}
	}
}

// Lookups search by bisection and by a map: an entry out of order, or one of
// two that share a number or a name, would be lost without a word.
func TestTablesAreConsistent(t *testing.T) {
	for _, d := range descriptors {
		if len(d.calls) < 300 {
			t.Errorf("%s: only %d calls", d.abi, len(d.calls))
		}
		for i, c := range d.calls {
			if i > 0 && d.calls[i-1].nr >= c.nr {
				t.Errorf("%s: %d %s is out of order", d.abi, c.nr, c.name)
			}
			if name, ok := Name(d.abi, c.nr); !ok || name != c.name {
				t.Errorf("Name(%s, %d) = %q, %v, want %q", d.abi, c.nr, name, ok, c.name)
			}
			if nr, ok := Number(d.abi, c.name); !ok || nr != c.nr {
				t.Errorf("Number(%s, %s) = %d, %v, want %d", d.abi, c.name, nr, ok, c.nr)
			}
		}
	}
}

func TestABIs(t *testing.T) {
	abis := ABIs()
	if !slices.IsSorted(abis) || len(abis) != 15 {
		t.Errorf("ABIs() = %v, want 15, sorted", abis)
	}
	abis[0] = "changed"
	if ABIs()[0] != AArch64 {
		t.Error("a caller can change the list of ABIs")
	}
}

func TestNative(t *testing.T) {
	want := map[string]ABI{
		"386": X86, "amd64": X86_64, "arm": ARM, "arm64": AArch64,
		"loong64": LoongArch64, "mips": MIPS, "mips64": MIPS64,
		"mips64le": MIPSEL64, "mipsle": MIPSEL, "ppc": PPC, "ppc64": PPC64,
		"ppc64le": PPC64LE, "riscv64": RISCV64, "s390x": S390X,
	}
	for goarch, abi := range want {
		if got, ok := Native(goarch); !ok || got != abi {
			t.Errorf("Native(%q) = %q, %v, want %q", goarch, got, ok, abi)
		}
	}
	for _, goarch := range []string{"", "x86_64", "sparc64", "wasm"} {
		if got, ok := Native(goarch); ok || got != "" {
			t.Errorf("Native(%q) = %q, %v", goarch, got, ok)
		}
	}
}

func TestSubABIs(t *testing.T) {
	want := map[ABI][]ABI{
		AArch64:  {ARM},
		MIPS64:   {MIPS},
		MIPSEL64: {MIPSEL},
		X86_64:   {X86, X32},
	}
	for _, abi := range ABIs() {
		if got := SubABIs(abi); !slices.Equal(got, want[abi]) {
			t.Errorf("SubABIs(%s) = %v, want %v", abi, got, want[abi])
		}
	}
	ArchMap(X86_64)[0] = "changed"
	if ArchMap(X86_64)[0] != "SCMP_ARCH_X86" {
		t.Error("a caller can change the archMap")
	}
}
