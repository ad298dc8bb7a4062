package gate

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/exporter/severity"
	"github.com/scallop-sec/scallop/profiler/denials/report"
)

// Whatever was denied: the old rules stay as they are, nothing is added that was not denied, nothing dangerous that was not
// accepted, and what is left to say afterwards is what was held back.
func TestProposalLaws(t *testing.T) {
	names := []string{"openat", "open", "read", "ptrace", "connect", "bpf", "capset", "x86/openat", "clone", "rename"}
	rapid.Check(t, func(rt *rapid.T) {
		pick := func(label string) []string {
			return rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, len(names), rapid.ID).Draw(rt, label)
		}
		var denials []report.Denial
		denied := map[string]bool{}
		for _, call := range pick("denied") {
			phase := rapid.SampledFrom([]string{"", "handover ", "startup "}).Draw(rt, "phase")
			d := deniedCall(t, phase+call, "web", 1)
			denied[d.Name] = true
			denials = append(denials, d)
		}
		accept := pick("accept")
		e := withDenials(NewEvidence(), denials...)
		old, err := policy.Parse(strings.NewReader(allowing(slices.DeleteFunc(pick("allowed"), func(s string) bool { return strings.Contains(s, "/") })...)))
		if err != nil {
			rt.Skip("nothing is allowed")
		}
		p, again := proposeAndCheck(rt, e, old, accept)
		if !reflect.DeepEqual(p.Policy.Rules[:len(old.Rules)], old.Rules) {
			rt.Errorf("the old rules changed: %+v", p.Policy.Rules)
		}
		for _, r := range p.Policy.Rules[len(old.Rules):] {
			for _, name := range r.Names {
				if !denied[name] || severity.Of(name).Level.Dangerous() && !slices.Contains(accept, name) {
					rt.Errorf("%s was added", name)
				}
			}
		}
		if again.Count(Missing) != len(p.Held) {
			rt.Errorf("left to say: %s; held back: %d", found(again), len(p.Held))
		}
	})
}

func proposeAndCheck(rt *rapid.T, e *Evidence, old *policy.Policy, accept []string) (*Proposal, *Result) {
	container := &Container{Kernels: e.Kernels()}
	judge := func(p *policy.Policy) *Result {
		f, err := FilterOfPolicy("p.json", p, container)
		if err != nil {
			rt.Fatal(err)
		}
		r, err := Check(f, e, Options{OnlyDenied: true})
		if err != nil {
			rt.Fatal(err)
		}
		return r
	}
	p, err := Propose(old, e, judge(old), accept)
	if err != nil {
		rt.Fatal(err)
	}
	return p, judge(p.Policy)
}
