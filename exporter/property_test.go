package exporter

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// drawn generates recordings of hosts and ABIs of every supported kind.
func drawn(t *testing.T) *rapid.Generator[*recording.Recording] {
	return rapid.Custom(func(rt *rapid.T) *recording.Recording {
		native := rapid.SampledFrom([]string{"x86_64", "aarch64"}).Draw(rt, "native")
		abis := map[string][]string{"x86_64": {"x86_64", "x86", "x32"}, "aarch64": {"aarch64", "arm"}}[native]
		phases := rapid.SliceOfNDistinct(rapid.SampledFrom(
			[]string{"setup", "handover", "startup", "steady", "shutdown", "reload", "backup"}), 1, 7, rapid.ID).Draw(rt, "phases")
		c := counts{}
		for _, phase := range phases {
			c[phase] = map[string]uint64{}
			for range rapid.IntRange(0, 6).Draw(rt, "calls") {
				abi := rapid.SampledFrom(abis).Draw(rt, "abi")
				name, ok := syscalls.Name(syscalls.ABI(abi), rapid.IntRange(0, 460).Draw(rt, "nr"))
				if ok {
					c[phase][abi+"/"+name] = rapid.Uint64Range(1, 1000).Draw(rt, "count")
				}
			}
		}
		return recordOn(t, rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "name"), native, c)
	})
}

func TestProfileProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		recs := rapid.SliceOfN(drawn(t), 1, 4).Draw(rt, "recordings")
		opts := Options{Runtime: rapid.SampledFrom(Runtimes()).Draw(rt, "runtime"), Portability: rapid.SampledFrom(Portabilities()).Draw(rt, "portability")}
		if opts.Portability == "arch" {
			opts.Archs = rapid.SliceOfDistinct(rapid.SampledFrom([]string{"x86_64", "arm64", "riscv64"}), rapid.ID).Draw(rt, "archs")
		}
		if reached := slices.DeleteFunc(phasesOf(recs), isSetup); len(reached) > 0 && rapid.Bool().Draw(rt, "choose") {
			opts.Phases = rapid.SliceOfNDistinct(rapid.SampledFrom(reached), 1, len(reached), rapid.ID).Draw(rt, "asked")
		}
		p, err := Build(recs, opts)
		if err != nil {
			rt.Fatal(err)
		}
		checkSuperset(rt, p, recs)
		checkArchs(rt, p, recs)
		for _, format := range Formats() {
			first := mustRender(rt, format, p)
			shuffled := rapid.Permutation(recs).Draw(rt, "shuffled")
			again, err := Build(shuffled, opts)
			if err != nil {
				rt.Fatal(err)
			}
			if !bytes.Equal(first, mustRender(rt, format, again)) {
				rt.Fatalf("%s depends on the order of the recordings", format)
			}
		}
	})
}

func isSetup(phase string) bool { return phase == recording.PhaseSetup }

// checkSuperset: every call of a chosen phase is allowed, and the counts add up.
func checkSuperset(rt *rapid.T, p *Profile, recs []*recording.Recording) {
	want := map[string]uint64{}
	for _, r := range recs {
		for _, s := range r.Syscalls {
			for phase, pc := range s.Phases {
				if slices.Contains(p.Phases, phase) {
					want[s.Name] += pc.Count
				}
			}
		}
	}
	got := map[string]uint64{}
	for _, g := range Groups(p) {
		for _, e := range g.Entries {
			if _, twice := got[e.Name]; twice {
				rt.Fatalf("%s is in two groups", e.Name)
			}
			got[e.Name] = e.Count
			if len(e.Reasons) == 0 || len(e.ABIs) == 0 {
				rt.Fatalf("%s has no reason or no ABI", e.Name)
			}
		}
	}
	for name, n := range want {
		if got[name] != n {
			rt.Fatalf("%s: count %d, want %d", name, got[name], n)
		}
	}
	for _, name := range []string{"exit", "exit_group", "rt_sigreturn", "restart_syscall", "execve"} {
		if _, ok := got[name]; !ok {
			rt.Fatalf("%s is missing", name)
		}
	}
}

// checkArchs: an ABI is covered if, and only if, it is native or was seen.
func checkArchs(rt *rapid.T, p *Profile, recs []*recording.Recording) {
	for _, a := range p.Archs {
		for _, sub := range a.Subs {
			seen := slices.ContainsFunc(recs, func(r *recording.Recording) bool {
				return slices.ContainsFunc(r.Syscalls, func(s recording.Syscall) bool { return s.ABI == sub && inPhases(&s, p.Phases) })
			})
			if !seen {
				rt.Fatalf("%s was not seen", sub)
			}
		}
	}
	for _, e := range p.Entries {
		for _, abi := range e.ABIs {
			if !slices.Contains(allABIs(p.Archs), abi) {
				rt.Fatalf("%s needs %s, which is not covered", e.Name, abi)
			}
		}
	}
}

func mustRender(rt *rapid.T, format string, p *Profile) []byte {
	data, err := Render(format, p, RenderOptions{})
	if err != nil {
		rt.Fatal(err)
	}
	return data
}
