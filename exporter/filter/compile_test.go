package filter_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter/filter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// edges of the values that conditions of default profiles compare with.
var edges = []uint64{
	0, 1, 2, 3, 7, 8, 9, 10, 11, 12, 16, 38, 40, 44, 0x20000, 0x20008, 0x7e020000, 0x7e020001, 0x02000000, 0x80000000,
	0xffffffff, 0x100000000, 0x100000001, 0xffffffffffffffff, 0xffffffff00000000,
}

// argumentSets are some for each number: every edge as the first two arguments, and chance.
func argumentSets(random *rand.Rand) [][6]uint64 {
	var sets [][6]uint64
	for _, e := range edges {
		sets = append(sets, [6]uint64{e, edges[random.IntN(len(edges))], random.Uint64()})
		sets = append(sets, [6]uint64{edges[random.IntN(len(edges))], e, 0, edges[random.IntN(len(edges))]})
	}
	return sets
}

// agree compares the program with the verdicts for the numbers 0 to last of each ABI.
func agree(t *testing.T, p filter.Program, r *policy.Resolved, abis []syscalls.ABI, last int) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	compared := 0
	for _, abi := range abis {
		for nr := range last + 1 {
			sets := [][6]uint64{{}}
			if len(r.Clauses(abi, nr)) > 0 {
				sets = argumentSets(random)
			}
			for _, args := range sets {
				compared++
				if !agreeOn(t, p, r, abi, nr, args) {
					return
				}
			}
		}
	}
	if compared == 0 {
		t.Fatal("nothing was compared")
	}
}

func agreeOn(t *testing.T, p filter.Program, r *policy.Resolved, abi syscalls.ABI, nr int, args [6]uint64) bool {
	t.Helper()
	d, err := filter.DataOf(abi, nr, args)
	if err != nil {
		t.Fatal(err)
	}
	ret, _, err := p.Run(d)
	if err != nil {
		t.Fatal(err)
	}
	got := filter.OutcomeOf(ret)
	action, errno := r.Verdict(abi, nr, args)
	if got.Action != action || got.Errno != errno {
		t.Errorf("%s %d %x: the program says %v, the profile %s %d", abi, nr, args, got, action, errno)
		return false
	}
	return true
}

func resolved(t testing.TB, name string, h policy.Host) *policy.Resolved {
	t.Helper()
	p, err := policy.Default(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Resolve(h)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func nginxCounts(t testing.TB) filter.Counts {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "testdata", "recordings", "nginx.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rec, err := recording.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return filter.CountsOf(rec)
}

func options(counts filter.Counts) []filter.Options {
	var list []filter.Options
	for _, o := range filter.Orders() {
		list = append(list, filter.Options{Order: o, Counts: counts})
	}
	return list
}

// TestPrograms: whatever the order, a program has the profile's verdicts, for numbers beyond the tables as well.
func TestPrograms(t *testing.T) {
	counts := nginxCounts(t)
	covered := map[syscalls.ABI][]syscalls.ABI{
		syscalls.X86_64:  {syscalls.X86_64, syscalls.X86, syscalls.X32, syscalls.AArch64},
		syscalls.AArch64: {syscalls.AArch64, syscalls.ARM, syscalls.X86_64, syscalls.X32},
		syscalls.RISCV64: {syscalls.RISCV64, syscalls.X86_64},
	}
	for _, name := range policy.Defaults() {
		for native, abis := range covered {
			for _, stub := range []bool{false, true} {
				h := policy.Host{Architecture: native, Capabilities: policy.DockerCapabilities(), Kernel: "6.1", RuncStub: stub}
				r := resolved(t, name, h)
				for _, o := range options(counts) {
					t.Run(fmt.Sprintf("%s on %s, stub %v, %s", name, native, stub, o.Order), func(t *testing.T) {
						p, err := filter.Compile(r, o)
						if err != nil {
							t.Fatal(err)
						}
						agree(t, p, r, abis, 1100)
						t.Logf("%d instructions", len(p))
					})
				}
			}
		}
	}
}

// TestOtherNumbers: x32 is told apart, and -1, by which tracers skip calls, is not killed.
func TestOtherNumbers(t *testing.T) {
	errno := uint(38)
	p := &policy.Policy{
		DefaultAction: specs.ActErrno, DefaultErrnoRet: &errno,
		Rules: []policy.Rule{{Names: []string{"read"}, Action: specs.ActAllow}},
	}
	r, err := p.Resolve(policy.Host{Architecture: syscalls.X86_64})
	if err != nil {
		t.Fatal(err)
	}
	const x86_64 = 0xc000003e
	for _, o := range options(nginxCounts(t)) {
		prog, err := filter.Compile(r, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			nr, arch uint32
			want     specs.LinuxSeccompAction
		}{
			{0, x86_64, specs.ActAllow},
			{1, x86_64, specs.ActErrno},
			{1<<30 - 1, x86_64, specs.ActErrno},
			{1 << 30, x86_64, specs.ActKillThread},
			{1<<30 + 1, x86_64, specs.ActKillThread},
			{1 << 31, x86_64, specs.ActKillThread},
			{0xfffffffe, x86_64, specs.ActKillThread},
			{0xffffffff, x86_64, specs.ActErrno},
			{0, 0x40000003, specs.ActKillThread},
			{0, 0xc00000b7, specs.ActKillThread},
			{0, 0, specs.ActKillThread},
		} {
			ret, _, err := prog.Run(filter.Data{Nr: test.nr, Arch: test.arch})
			if err != nil {
				t.Fatal(err)
			}
			if got := filter.OutcomeOf(ret).Action; got != test.want {
				t.Errorf("%s: number %#x of architecture %#x: %s, want %s", o.Order, test.nr, test.arch, got, test.want)
			}
		}
	}
}
