package filter_test

import (
	"math"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"pgregory.net/rapid"

	"github.com/scallop-sec/scallop/exporter/filter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// nginxProfile allows what the recording has.
func nginxProfile(t testing.TB, counts filter.Counts) *policy.Resolved {
	t.Helper()
	errno := uint(38)
	p := &policy.Policy{DefaultAction: specs.ActErrno, DefaultErrnoRet: &errno}
	for call := range counts {
		name, _ := syscalls.Name(call.ABI, call.Nr)
		p.Rules = append(p.Rules, policy.Rule{Names: []string{name}, Action: specs.ActAllow})
	}
	r, err := p.Resolve(policy.Host{Architecture: syscalls.X86_64})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func costs(t testing.TB, r *policy.Resolved, counts filter.Counts) map[filter.Order]filter.Cost {
	t.Helper()
	list := map[filter.Order]filter.Cost{}
	for _, o := range options(counts) {
		p, err := filter.Compile(r, o)
		if err != nil {
			t.Fatal(err)
		}
		c, err := p.Cost(counts)
		if err != nil {
			t.Fatal(err)
		}
		list[o.Order] = c
		t.Logf("%-9s %4d instructions, %6.2f a call, at most %d, %.1f %% of the calls in the kernel's bitmap", o.Order, len(p), c.PerCall(), c.Longest,
			100*float64(c.Constant)/float64(c.Calls))
	}
	return list
}

// TestWeightedIsShortest on what nginx really calls, under its own profile and the engines' default ones.
func TestWeightedIsShortest(t *testing.T) {
	counts := nginxCounts(t)
	profiles := map[string]*policy.Resolved{"nginx": nginxProfile(t, counts)}
	for _, name := range policy.Defaults() {
		profiles[name] = resolved(t, name, policy.Host{Architecture: syscalls.X86_64, Capabilities: policy.DockerCapabilities(), Kernel: "6.1"})
	}
	for name, r := range profiles {
		t.Run(name, func(t *testing.T) {
			list := costs(t, r, counts)
			for _, o := range filter.Orders() {
				if list[filter.Weighted].Instructions > list[o].Instructions {
					t.Errorf("weighted takes %d instructions, %s %d", list[filter.Weighted].Instructions, o, list[o].Instructions)
				}
			}
			if list[filter.Frequency].Instructions > list[filter.Linear].Instructions {
				t.Errorf("linear by frequency takes %d instructions, by number %d", list[filter.Frequency].Instructions, list[filter.Linear].Instructions)
			}
		})
	}
}

// genResolved draws a profile for a host of one of three architectures.
func genResolved(t *rapid.T) *policy.Resolved {
	name := rapid.Custom(func(t *rapid.T) string {
		name, ok := syscalls.Name(syscalls.X86, rapid.IntRange(0, 471).Draw(t, "nr"))
		if !ok {
			return "read"
		}
		return name
	})
	action := rapid.SampledFrom([]specs.LinuxSeccompAction{specs.ActAllow, specs.ActErrno, specs.ActKillProcess, specs.ActLog, specs.ActTrap})
	arg := rapid.Custom(func(t *rapid.T) policy.Arg {
		return policy.Arg{LinuxSeccompArg: specs.LinuxSeccompArg{
			Index: rapid.UintRange(0, 5).Draw(t, "i"), Value: rapid.SampledFrom(edges).Draw(t, "a"), ValueTwo: rapid.SampledFrom(edges).Draw(t, "b"),
			Op: rapid.SampledFrom([]specs.LinuxSeccompOperator{
				specs.OpEqualTo, specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpGreaterThan, specs.OpGreaterEqual, specs.OpMaskedEqual,
			}).Draw(t, "op"),
		}}
	})
	rule := rapid.Custom(func(t *rapid.T) policy.Rule {
		return policy.Rule{
			Names: rapid.SliceOfN(name, 0, 30).Draw(t, "names"), Action: action.Draw(t, "action"),
			Args: rapid.SliceOfN(arg, 0, 3).Draw(t, "args"),
		}
	})
	p := &policy.Policy{DefaultAction: action.Draw(t, "default"), Rules: rapid.SliceOfN(rule, 0, 8).Draw(t, "rules")}
	p.Architectures = rapid.SliceOfN(rapid.SampledFrom([]specs.Arch{specs.ArchX86, specs.ArchX32, specs.ArchARM, specs.ArchX86_64}), 0, 3).Draw(t, "archs")
	r, err := p.Resolve(policy.Host{
		Architecture: rapid.SampledFrom([]syscalls.ABI{syscalls.X86_64, syscalls.AArch64, syscalls.X32}).Draw(t, "native"),
		RuncStub:     rapid.Bool().Draw(t, "stub"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestAnyProfile: programs of every order have the verdicts of the profile, and survive being written.
func TestAnyProfile(t *testing.T) {
	abis := []syscalls.ABI{syscalls.X86_64, syscalls.X86, syscalls.X32, syscalls.AArch64, syscalls.ARM}
	rapid.Check(t, func(t *rapid.T) {
		r := genResolved(t)
		counts := filter.Counts{}
		for range rapid.IntRange(0, 20).Draw(t, "counted") {
			call := filter.Call{ABI: rapid.SampledFrom(abis).Draw(t, "abi"), Nr: rapid.IntRange(0, 500).Draw(t, "nr")}
			counts[call] = rapid.Uint64Range(0, 1<<50).Draw(t, "count")
		}
		counts[filter.Call{ABI: r.Native, Nr: 1}]++ // some orders need a call that was made
		for _, o := range options(counts) {
			p, err := filter.Compile(r, o)
			if err != nil {
				t.Fatal(err)
			}
			if p, err = filter.Decode(p.Bytes()); err != nil {
				t.Fatal(err)
			}
			for range 200 {
				abi := rapid.SampledFrom(abis).Draw(t, "abi")
				nr := rapid.IntRange(0, 520).Draw(t, "nr")
				var args [6]uint64
				for i := range args {
					args[i] = rapid.SampledFrom(edges).Draw(t, "arg")
				}
				d, _ := filter.DataOf(abi, nr, args)
				ret, executed, err := p.Run(d)
				if err != nil {
					t.Fatal(err)
				}
				action, errno := r.Verdict(abi, nr, args)
				if got := filter.OutcomeOf(ret); got.Action != action || got.Errno != errno {
					t.Fatalf("%s: %s %d %x: program %v, profile %s %d", o.Order, abi, nr, args, got, action, errno)
				}
				if path, err := p.Path(filter.Call{ABI: abi, Nr: nr}); err != nil || executed > path.Longest || path.Constant && action != specs.ActAllow {
					t.Fatalf("%s: %s %d %x: %d instructions and %s, but path %+v, %v", o.Order, abi, nr, args, executed, action, path, err)
				}
			}
		}
	})
}

// TestCostBounds: counts that cannot be added up are an error, not a small number.
func TestCostBounds(t *testing.T) {
	counts := filter.Counts{{ABI: syscalls.X86_64, Nr: 0}: math.MaxUint64, {ABI: syscalls.X86_64, Nr: 1}: 1}
	p, err := filter.Compile(nginxProfile(t, counts), filter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := p.Cost(counts); err == nil {
		t.Errorf("cost %+v", c)
	}
}

// TestTooLong: more conditions than the kernel has instructions for.
func TestTooLong(t *testing.T) {
	p := &policy.Policy{DefaultAction: specs.ActErrno}
	for v := range uint64(2000) {
		arg := specs.LinuxSeccompArg{Value: v, Op: specs.OpEqualTo}
		p.Rules = append(p.Rules, policy.Rule{Names: []string{"prctl"}, Action: specs.ActAllow, Args: []policy.Arg{{LinuxSeccompArg: arg}}})
	}
	r, err := p.Resolve(policy.Host{Architecture: syscalls.X86_64})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range options(nginxCounts(t)) {
		if _, err := filter.Compile(r, o); err == nil {
			t.Errorf("%s: a program above the bound was made", o.Order)
		} else {
			t.Log(err)
		}
	}
	if _, err := filter.Compile(resolved(t, "docker", policy.Host{Architecture: syscalls.S390X, Kernel: "6.1"}), filter.Options{}); err == nil {
		t.Error("a program for a big-endian host was made")
	} else {
		t.Log(err)
	}
}

// FuzzDecode: what Decode accepts, Run and Path end on.
func FuzzDecode(f *testing.F) {
	p, err := filter.Compile(nginxProfile(f, filter.Counts{{ABI: syscalls.X86_64, Nr: 0}: 1}), filter.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(p.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := filter.Decode(data)
		if err != nil {
			return
		}
		if string(p.Bytes()) != string(data) {
			t.Fatal("not the same again")
		}
		if _, n, err := p.Run(filter.Data{Arch: 0xc000003e}); err != nil || n > len(p) {
			t.Fatalf("%d instructions: %v", n, err)
		}
		if len(p) > 200 {
			return // branches on arguments double the paths
		}
		if _, err := p.Path(filter.Call{ABI: syscalls.X86_64}); err != nil {
			t.Fatal(err)
		}
	})
}
