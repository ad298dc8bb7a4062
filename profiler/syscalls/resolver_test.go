package syscalls

import (
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// newer names the calls that libseccomp 2.5.4 (its table is of Linux 5.17)
// does not know, with the kernel version each appeared in. Distributions
// backport some: Debian 12's 2.5.4-1+deb12u1 knows up to Linux 6.7.
var newer = map[string]string{
	"riscv_hwprobe":     "6.4",
	"cachestat":         "6.5",
	"fchmodat2":         "6.6",
	"map_shadow_stack":  "6.6",
	"futex_wake":        "6.7",
	"futex_wait":        "6.7",
	"futex_requeue":     "6.7",
	"statmount":         "6.8",
	"listmount":         "6.8",
	"lsm_get_self_attr": "6.8",
	"lsm_set_self_attr": "6.8",
	"lsm_list_modules":  "6.8",
	"mseal":             "6.10",
	"uretprobe":         "6.11",
	"setxattrat":        "6.13",
	"getxattrat":        "6.13",
	"listxattrat":       "6.13",
	"removexattrat":     "6.13",
	"open_tree_attr":    "6.15",
	"file_getattr":      "6.17",
	"file_setattr":      "6.17",
	"uprobe":            "6.18",
	"listns":            "6.19",
	"rseq_slice_yield":  "7.0",
}

// later names the calls that an ABI was given after others had them, again
// with the kernel version: libseccomp knows the name, but answers for this ABI
// with a pseudo number.
var later = map[ABI]map[string]string{
	X32: {"map_shadow_stack": "6.10"},
}

// absent names calls that the resolver has where our table rightly has none.
var absent = map[ABI][]string{
	// Generic calls that a port as young as LoongArch was not given, because
	// renameat2 and prlimit64 replace them. The resolver is aarch64's.
	LoongArch64: {"renameat", "getrlimit", "setrlimit"},
}

const unknown = -1

// A call that an ABI had only through socketcall or ipc has a pseudo number
// by name, also where later kernels gave it a number of its own; see __PNR_ in
// libseccomp's seccomp-syscalls.h. By number, the resolver knows it.
func isMultiplexed(nr int) bool {
	return -120 <= nr && nr <= -101 || -224 <= nr && nr <= -201
}

var hasMultiplexer = map[ABI]bool{
	MIPS: true, MIPSEL: true, PPC: true, PPC64: true, PPC64LE: true, S390X: true, X86: true,
}

type resolver struct {
	path, arch string
	bit        int
}

func newResolver(t *testing.T, abi ABI) resolver {
	t.Helper()
	path, err := exec.LookPath("scmp_sys_resolver")
	if err != nil {
		if runtime.GOOS == "linux" && os.Getenv("CI") == "true" {
			t.Fatal("scmp_sys_resolver is missing: install the Debian package seccomp")
		}
		t.Skip("scmp_sys_resolver is missing: install the Debian package seccomp")
	}
	r := resolver{path: path, arch: string(abi)}
	switch abi {
	case LoongArch64:
		// Not known before libseccomp 2.6; the generic numbers are aarch64's.
		r.arch = string(AArch64)
	case X32:
		r.bit = X32Bit
	}
	return r
}

func (r resolver) resolve(t *testing.T, arg string) string {
	t.Helper()
	out, err := exec.Command(r.path, "-a", r.arch, arg).Output()
	if err != nil {
		t.Fatalf("%s -a %s %s: %v", r.path, r.arch, arg, err)
	}
	return strings.TrimSpace(string(out))
}

func (r resolver) number(t *testing.T, name string) int {
	t.Helper()
	out := r.resolve(t, name)
	nr, err := strconv.Atoi(out)
	if err != nil {
		t.Fatalf("%s -a %s %s: %q is not a number", r.path, r.arch, name, out)
	}
	if nr < 0 {
		return nr
	}
	if nr&X32Bit != r.bit {
		t.Fatalf("%s -a %s %s: %#x: unexpected bit 30", r.path, r.arch, name, nr)
	}
	return nr &^ r.bit
}

func (r resolver) name(t *testing.T, nr int) string {
	t.Helper()
	return r.resolve(t, strconv.Itoa(nr|r.bit))
}

func TestEntriesAgainstLibseccomp(t *testing.T) {
	for _, d := range descriptors {
		t.Run(string(d.abi), func(t *testing.T) {
			t.Parallel()
			r := newResolver(t, d.abi)
			for _, c := range d.calls {
				checkEntry(t, r, d.abi, c)
			}
		})
	}
}

func checkEntry(t *testing.T, r resolver, abi ABI, c call) {
	t.Helper()
	switch nr := r.number(t, c.name); {
	case nr == c.nr:
	case nr == unknown && newer[c.name] != "":
	case nr < unknown && later[abi][c.name] != "":
	case isMultiplexed(nr) && hasMultiplexer[abi]:
		if name := r.name(t, c.nr); name != c.name {
			t.Errorf("%s is %d here, libseccomp names that number %s", c.name, c.nr, name)
		}
	default:
		t.Errorf("%s is %d here, libseccomp says %d", c.name, c.nr, nr)
	}
}

// numberRange is where the other direction looks. MIPS starts at its base: the
// resolver answers below it too, with the call that many numbers above.
func numberRange(abi ABI) (first, last int) {
	switch abi {
	case MIPS, MIPSEL:
		return 4000, 4470
	case MIPS64, MIPSEL64:
		return 5000, 5470
	case X32:
		return 0, 560
	}
	return 0, 470
}

// The other direction finds calls that the tables lack.
func TestNumbersAgainstLibseccomp(t *testing.T) {
	for _, abi := range ABIs() {
		t.Run(string(abi), func(t *testing.T) {
			t.Parallel()
			r := newResolver(t, abi)
			first, last := numberRange(abi)
			for nr := first; nr <= last; nr++ {
				checkNumber(t, r, abi, nr)
			}
			if abi == ARM {
				for nr := 0x0f0000; nr <= 0x0f0010; nr++ {
					checkNumber(t, r, abi, nr)
				}
			}
		})
	}
}

func checkNumber(t *testing.T, r resolver, abi ABI, nr int) {
	t.Helper()
	want := r.name(t, nr)
	got, ok := Name(abi, nr)
	switch {
	case want == got:
	case want == "UNKNOWN" && (!ok || newer[got] != "" || later[abi][got] != ""):
	case !ok && slices.Contains(absent[abi], want):
	default:
		t.Errorf("%d is %q here, libseccomp says %q", nr, got, want)
	}
}

// A name in the lists that no table has, or that a table has against them,
// would hide an error.
func TestListsAreInUse(t *testing.T) {
	for name, version := range newer {
		used := false
		for _, abi := range ABIs() {
			_, ok := Number(abi, name)
			used = used || ok
		}
		if !used {
			t.Errorf("%s (Linux %s) is in no table", name, version)
		}
	}
	for abi, names := range later {
		for name, version := range names {
			if _, ok := Number(abi, name); !ok {
				t.Errorf("%s (Linux %s) is not in the table of %s", name, version, abi)
			}
		}
	}
	for abi, names := range absent {
		for _, name := range names {
			if nr, ok := Number(abi, name); ok {
				t.Errorf("%s has %s at %d", abi, name, nr)
			}
		}
	}
}
