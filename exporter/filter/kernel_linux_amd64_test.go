package filter_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter/filter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// childCall is struct call of testdata/child.c.
type childCall struct {
	ABI, Nr uint32
	Args    [6]uint64
}

// childGetppid asks for a loop of getppid.
const childGetppid = 3

var childABIs = []syscalls.ABI{syscalls.X86_64, syscalls.X86, syscalls.X32}

// child is a program that makes calls under a filter.
type child string

func newChild(t testing.TB) child {
	t.Helper()
	out := filepath.Join(t.TempDir(), "child")
	cmd := exec.Command(hosttest.Tool(t, "gcc", "gcc"), "-O1", "-Wall", "-mno-red-zone", "-static", "-o", out, "testdata/child.c")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("compiling child.c: %v\n%s", err, text)
	}
	return child(out)
}

// run returns what each call returned.
func (c child) run(t testing.TB, p filter.Program, calls []childCall) []int64 {
	t.Helper()
	out, whole := c.try(t, p, calls)
	if !whole {
		t.Fatal("a call ended the child")
	}
	return out
}

// try also tells whether the child came to its end. It ends by SIGILL, as some calls do: so the last call
// is getpid, which returns something else than 0 whether it is allowed or not.
func (c child) try(t testing.TB, p filter.Program, calls []childCall) (results []int64, whole bool) {
	t.Helper()
	calls = append(slices.Clone(calls), childCall{Nr: 39})
	dir := t.TempDir()
	path := func(name string, data []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	var encoded bytes.Buffer
	if err := binary.Write(&encoded, binary.LittleEndian, calls); err != nil {
		t.Fatal(err)
	}
	file := path("results", make([]byte, 8*len(calls)))
	cmd := exec.Command(string(c), path("filter", p.Bytes()), path("calls", encoded.Bytes()), file)
	text, err := cmd.CombinedOutput()
	exit := (*exec.ExitError)(nil)
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGILL {
		t.Fatalf("the child did not come to its end: %v\n%s", err, text)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]int64, len(calls))
	if err := binary.Read(bytes.NewReader(data), binary.LittleEndian, out); err != nil {
		t.Fatal(err)
	}
	last := len(out) - 1
	return out[:last], out[last] != 0
}

// unfiltered are the x86_64 numbers that this kernel lets pass by any filter: uretprobe and uprobe, with which the
// kernel's own probes return (since 6.14 and 6.18, and in stable kernels). Calls from elsewhere end in SIGILL and ENXIO.
func unfiltered(t testing.TB, c child) []int {
	t.Helper()
	nothing := &policy.Policy{DefaultAction: specs.ActErrno}
	r, err := nothing.Resolve(policy.Host{Architecture: syscalls.X86_64})
	if err != nil {
		t.Fatal(err)
	}
	p, err := filter.Compile(r, filter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var list []int
	for _, nr := range []int{335, 336} {
		if results, whole := c.try(t, p, []childCall{{Nr: uint32(nr)}}); !whole || results[0] != -1 {
			list = append(list, nr)
		}
	}
	t.Logf("this kernel asks no filter about the x86_64 numbers %v", list)
	return list
}

// harmless has each outcome be an errno of its own, so that no call is made.
func harmless(o policy.Outcome) policy.Outcome {
	switch o.Action {
	case specs.ActAllow:
		return policy.Outcome{Action: specs.ActErrno, Errno: 1001}
	case specs.ActErrno:
		return policy.Outcome{Action: specs.ActErrno, Errno: 2000 + o.Errno}
	case specs.ActKillThread:
		return policy.Outcome{Action: specs.ActErrno, Errno: 1003}
	}
	return policy.Outcome{Action: specs.ActErrno, Errno: 1004}
}

// allCalls are the numbers 0 to 600 of each ABI, with several arguments where these matter.
func allCalls(r *policy.Resolved, except []int) []childCall {
	random := rand.New(rand.NewPCG(3, 4))
	var calls []childCall
	for i, abi := range childABIs {
		for nr := range 601 {
			if abi == syscalls.X86_64 && slices.Contains(except, nr) {
				continue
			}
			calls = append(calls, childCall{ABI: uint32(i), Nr: uint32(nr)})
			if c := r.Clauses(abi, nr); len(c) == 0 || len(c[0].Conditions) == 0 {
				continue
			}
			for _, args := range argumentSets(random) {
				calls = append(calls, childCall{uint32(i), uint32(nr), args})
			}
		}
	}
	return calls
}

// sameAsKernel compares three: what the kernel did, the simulator, and the profile's verdict.
func sameAsKernel(t *testing.T, c child, r *policy.Resolved, o filter.Options, except []int) int {
	t.Helper()
	p, err := filter.Compile(r, o)
	if err != nil {
		t.Fatal(err)
	}
	calls := allCalls(r, except)
	for i, got := range c.run(t, p, calls) {
		abi, nr, args := childABIs[calls[i].ABI], int(calls[i].Nr), calls[i].Args
		if abi == syscalls.X86 {
			for j := range args {
				args[j] &= 0xffffffff
			}
		}
		if !agreeOn(t, p, r, abi, nr, args) {
			t.FailNow()
		}
		if _, errno := r.Verdict(abi, nr, args); got != -int64(errno) {
			t.Fatalf("%s %d %x: the kernel says %d, the simulator %d", abi, nr, args, got, -int64(errno))
		}
	}
	return len(calls)
}

// TestKernel: for every number from 0 to 600 of each ABI, simulator and kernel agree, under real profiles in all orders.
func TestKernel(t *testing.T) {
	c := newChild(t)
	except := unfiltered(t, c)
	counts := nginxCounts(t)
	all := []string{"CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_TIME", "CAP_BPF"}
	for _, name := range policy.Defaults() {
		for caps, list := range map[string][]string{"no": nil, "some": all} {
			for _, stub := range []bool{false, true} {
				h := policy.Host{Architecture: syscalls.X86_64, Capabilities: list, Kernel: "6.1", RuncStub: stub}
				r := resolved(t, name, h).Map(harmless)
				for _, o := range options(counts) {
					t.Run(fmt.Sprintf("%s, %s capabilities, stub %v, %s", name, caps, stub, o.Order), func(t *testing.T) {
						t.Logf("%d calls agree", sameAsKernel(t, c, r, o, except))
					})
				}
			}
		}
	}
}

// TestKernelABIs: a profile for x86_64 alone answers the others as another architecture.
func TestKernelABIs(t *testing.T) {
	c := newChild(t)
	except := unfiltered(t, c)
	for _, arches := range [][]specs.Arch{nil, {specs.ArchX86}, {specs.ArchX32}} {
		p := &policy.Policy{
			DefaultAction: specs.ActErrno, Architectures: arches,
			Rules: []policy.Rule{{Names: []string{"read", "getpid", "openat2", "socket"}, Action: specs.ActAllow}},
		}
		r, err := p.Resolve(policy.Host{Architecture: syscalls.X86_64})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range options(nginxCounts(t)) {
			sameAsKernel(t, c, r.Map(harmless), o, except)
		}
	}
}

// TestKernelConditions: every operator, in 64 bits.
func TestKernelConditions(t *testing.T) {
	c := newChild(t)
	except := unfiltered(t, c)
	for _, op := range []specs.LinuxSeccompOperator{
		specs.OpEqualTo, specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpGreaterThan, specs.OpGreaterEqual, specs.OpMaskedEqual,
	} {
		p := &policy.Policy{DefaultAction: specs.ActErrno, Architectures: []specs.Arch{specs.ArchX86, specs.ArchX32}}
		for nr, value := range slices.Repeat(edges, 2) {
			name, _ := syscalls.Name(syscalls.X86_64, nr)
			arg := specs.LinuxSeccompArg{Index: uint(nr % 2), Op: op, Value: value, ValueTwo: value & 0xff000000ff}
			p.Rules = append(p.Rules, policy.Rule{Names: []string{name}, Action: specs.ActAllow, Args: []policy.Arg{{LinuxSeccompArg: arg}}})
		}
		r, err := p.Resolve(policy.Host{Architecture: syscalls.X86_64})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d calls agree", op, sameAsKernel(t, c, r.Map(harmless), filter.Options{}, except))
	}
}
