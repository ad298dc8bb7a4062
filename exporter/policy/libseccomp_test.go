package policy_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter/filter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// oracle is libseccomp itself.
type oracle string

func newOracle(t testing.TB) oracle {
	t.Helper()
	compiler := hosttest.Tool(t, "gcc", "gcc")
	if err := exec.Command(compiler, "-E", "-include", "seccomp.h", "-x", "c", "/dev/null").Run(); err != nil {
		hosttest.Lack(t, "seccomp.h (Debian package libseccomp-dev)")
	}
	out := filepath.Join(t.TempDir(), "libseccomp")
	if text, err := exec.Command(compiler, "-O1", "-Wall", "-o", out, "testdata/libseccomp.c", "-lseccomp").CombinedOutput(); err != nil {
		t.Fatalf("compiling libseccomp.c: %v\n%s", err, text)
	}
	return oracle(out)
}

// compile makes a filter, and returns the names that this libseccomp does not know, by ABI or for any.
func (o oracle) compile(t testing.TB, spec *specs.LinuxSeccomp, native syscalls.ABI, args ...string) (filter.Program, map[string][]string) {
	t.Helper()
	cmd := exec.Command(string(o), args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(ruleLines(spec, native)), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("libseccomp: %v: %s", err, &stderr)
	}
	p, err := filter.Decode(stdout.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	unknown := map[string][]string{}
	for line := range strings.Lines(stderr.String()) {
		abi, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		unknown[abi] = append(unknown[abi], name)
	}
	return p, unknown
}

var operators = []specs.LinuxSeccompOperator{
	"", specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpEqualTo, specs.OpGreaterEqual, specs.OpGreaterThan, specs.OpMaskedEqual,
}

// ruleLines does what runc's libcontainer/seccomp does before it calls libseccomp.
func ruleLines(spec *specs.LinuxSeccomp, native syscalls.ABI) string {
	var b strings.Builder
	byDefault := action(spec.DefaultAction, spec.DefaultErrnoRet)
	fmt.Fprintf(&b, "default %x\narch %s\n", byDefault, native)
	for _, a := range spec.Architectures {
		fmt.Fprintf(&b, "arch %s\n", strings.ToLower(strings.TrimPrefix(string(a), "SCMP_ARCH_")))
	}
	for _, s := range spec.Syscalls {
		does := action(s.Action, s.ErrnoRet)
		if does == byDefault {
			continue
		}
		for _, name := range s.Names {
			writeRules(&b, does, name, s.Args)
		}
	}
	return b.String()
}

func writeRules(b *strings.Builder, does uint32, name string, args []specs.LinuxSeccompArg) {
	indexes := map[uint]bool{}
	var texts []string
	for _, a := range args {
		indexes[a.Index] = true
		texts = append(texts, fmt.Sprintf(" %d %d %x %x", a.Index, slices.Index(operators, a.Op), a.Value, a.ValueTwo))
	}
	if len(indexes) == len(args) {
		fmt.Fprintf(b, "rule %x %s %d%s\n", does, name, len(args), strings.Join(texts, ""))
		return
	}
	for _, text := range texts {
		fmt.Fprintf(b, "rule %x %s 1%s\n", does, name, text)
	}
}

func action(a specs.LinuxSeccompAction, errno *uint) uint32 {
	value := map[specs.LinuxSeccompAction]uint32{
		specs.ActKillProcess: 0x80000000, specs.ActTrap: 0x00030000, specs.ActErrno: 0x00050000, specs.ActNotify: 0x7fc00000,
		specs.ActTrace: 0x7ff00000, specs.ActLog: 0x7ffc0000, specs.ActAllow: 0x7fff0000,
	}[a]
	if a == specs.ActErrno || a == specs.ActTrace {
		if errno == nil {
			return value | 1
		}
		return value | uint32(*errno)
	}
	return value
}

// without drops names from the rules.
func without(spec *specs.LinuxSeccomp, names []string) *specs.LinuxSeccomp {
	out := *spec
	out.Syscalls = nil
	for _, s := range spec.Syscalls {
		s.Names = slices.DeleteFunc(slices.Clone(s.Names), func(n string) bool { return slices.Contains(names, n) })
		out.Syscalls = append(out.Syscalls, s)
	}
	return &out
}

// compareWith runs libseccomp's own program for every number.
func (o oracle) compareWith(t *testing.T, spec *specs.LinuxSeccomp, native syscalls.ABI, args ...string) {
	t.Helper()
	p, unknown := o.compile(t, spec, native, args...)
	r, err := policy.Enforce(without(spec, unknown["any"]), policy.Host{Architecture: native})
	if err != nil {
		t.Fatal(err)
	}
	compared, conditional := 0, 0
	for _, abi := range append([]syscalls.ABI{syscalls.X86_64, syscalls.X86, syscalls.X32, syscalls.AArch64, syscalls.ARM}, r.ABIs...) {
		for nr := range 1000 {
			if name, ok := syscalls.Name(abi, nr); ok && slices.Contains(unknown[string(abi)], name) {
				continue
			}
			for _, args := range argumentSets(r.Clauses(abi, nr)) {
				d, err := filter.DataOf(abi, nr, args)
				if err != nil {
					t.Fatal(err)
				}
				ret, _, err := p.Run(d)
				if err != nil {
					t.Fatal(err)
				}
				want := filter.OutcomeOf(ret)
				if does, errno := r.Verdict(abi, nr, args); does != want.Action || errno != want.Errno {
					t.Fatalf("%s %d %x: libseccomp says %v, the model %s %d; clauses %v", abi, nr, args, want, does, errno, r.Clauses(abi, nr))
				}
				compared++
				if c := r.Clauses(abi, nr); len(c) > 0 && len(c[0].Conditions) > 0 {
					conditional++
				}
			}
		}
	}
	t.Logf("%d instructions; %d verdicts agree, %d of them with conditions; not known to this libseccomp: %v", len(p), compared, conditional, unknown["any"])
}

// argumentSets try the values that the conditions compare with, and their neighbors.
func argumentSets(clauses []policy.Clause) [][6]uint64 {
	sets := [][6]uint64{{}, {^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}}
	for _, c := range clauses {
		var base [6]uint64
		for _, cond := range c.Conditions {
			base[cond.Index] = cond.Value
		}
		sets = append(sets, base)
		for _, cond := range c.Conditions {
			for _, v := range []uint64{
				cond.Value - 1, cond.Value + 1, cond.Value ^ 1<<32, cond.Value ^ 1<<63, cond.Value | ^cond.Mask, cond.Value + 1<<32,
				cond.Value - 1<<32, cond.Value + 1<<32 - 1, cond.Value - 1<<32 + 1,
			} {
				set := base
				set[cond.Index] = v
				sets = append(sets, set)
			}
		}
	}
	return sets
}

// TestLibseccomp: the model of libseccomp's filter gives what libseccomp's own filter gives.
func TestLibseccomp(t *testing.T) {
	o := newOracle(t)
	for _, name := range policy.Defaults() {
		p, err := policy.Default(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, native := range []syscalls.ABI{syscalls.X86_64, syscalls.AArch64, syscalls.RISCV64} {
			for _, caps := range [][]string{nil, policy.DockerCapabilities(), everyCapability(p)} {
				spec, err := p.Load(policy.Host{Architecture: native, Capabilities: caps, Kernel: "6.1"})
				if err != nil {
					t.Fatal(err)
				}
				t.Run(fmt.Sprintf("%s on %s, %d capabilities", name, native, len(caps)), func(t *testing.T) {
					o.compareWith(t, spec, native)
					o.compareWith(t, spec, native, "tree")
				})
			}
		}
	}
}

// everyCapability that a rule asks for.
func everyCapability(p *policy.Policy) []string {
	var caps []string
	for _, r := range p.Rules {
		for _, f := range []*policy.Filter{r.Includes, r.Excludes} {
			if f != nil {
				caps = append(caps, f.Caps...)
			}
		}
	}
	slices.Sort(caps)
	return slices.Compact(caps)
}

// TestLibseccompConditions tries every operator on narrow, wide and overlapping conditions.
func TestLibseccompConditions(t *testing.T) {
	o := newOracle(t)
	one := func(index uint, op specs.LinuxSeccompOperator, a, b uint64) specs.LinuxSeccompArg {
		return specs.LinuxSeccompArg{Index: index, Op: op, Value: a, ValueTwo: b}
	}
	values := []uint64{0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x1_0000_0001, 0xffffffff_00000000, 1<<64 - 2}
	allow := func(args ...specs.LinuxSeccompArg) []specs.LinuxSyscall {
		return []specs.LinuxSyscall{{Names: []string{"prctl", "socket", "semctl"}, Action: specs.ActAllow, Args: args}}
	}
	cases := map[string][]specs.LinuxSyscall{
		"two arguments":           allow(one(1, specs.OpEqualTo, 5, 0), one(0, specs.OpGreaterThan, 1<<33, 0)),
		"two on one":              allow(one(1, specs.OpGreaterThan, 5, 0), one(1, specs.OpLessThan, 3, 0)),
		"two on one, and a third": allow(one(0, specs.OpEqualTo, 5, 0), one(0, specs.OpEqualTo, 3, 0), one(2, specs.OpEqualTo, 1, 0)),
		"not in the mask":         allow(one(0, specs.OpMaskedEqual, 0xf0, 0x1f)),
		"empty mask":              allow(one(0, specs.OpMaskedEqual, 0, 1)),
		"upper mask":              allow(one(0, specs.OpMaskedEqual, 0xff00000000, 0x100000000)),
		"then unconditional":      append(allow(one(0, specs.OpEqualTo, 3, 0)), allow()...),
		"unconditional, then":     append(allow(), allow(one(0, specs.OpEqualTo, 3, 0))...),
		"first unconditional decides": {
			{Names: []string{"prctl"}, Action: specs.ActLog}, {Names: []string{"prctl"}, Action: specs.ActAllow},
		},
		"default again": {
			{Names: []string{"prctl"}, Action: specs.ActErrno}, {Names: []string{"prctl"}, Action: specs.ActAllow},
		},
		"disjoint actions": {
			{Names: []string{"prctl"}, Action: specs.ActLog, Args: []specs.LinuxSeccompArg{one(0, specs.OpEqualTo, 4, 0)}},
			{Names: []string{"prctl"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{one(0, specs.OpEqualTo, 5, 0)}},
		},
		"many equalities": append(append(allow(one(0, specs.OpLessThan, 9, 0)), allow(one(0, specs.OpEqualTo, 12, 0))...), allow(one(0, specs.OpEqualTo, 40, 0))...),
	}
	for _, op := range operators[1:] {
		for _, v := range values {
			cases[fmt.Sprintf("%s %x", op, v)] = allow(one(2, op, v, v&0x1234567890abcdef))
		}
	}
	for name, rules := range cases {
		t.Run(name, func(t *testing.T) {
			spec := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: rules, Architectures: []specs.Arch{specs.ArchX86, specs.ArchX32}}
			o.compareWith(t, spec, syscalls.X86_64)
			spec.Architectures = nil
			o.compareWith(t, spec, syscalls.X86_64)
		})
	}
}
