package gate

import (
	"fmt"
	"slices"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/severity"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// unused finds what the filter allows and no recording shows. What the profile holds for the
// runtime, for every process or for another C library is not unused: nobody could have seen it. A
// profile that gives no reasons is measured by what the exporter would add to these recordings.
func (r *Result) unused(f *Filter, e *Evidence, opts Options) error {
	seen := map[string]bool{}
	for _, c := range e.Calls() {
		if _, ok := c.In(opts.uses); ok {
			seen[c.Name] = true
		}
	}
	expected, err := e.expected(f)
	if err != nil {
		return err
	}
	for _, name := range f.Names() {
		switch {
		case seen[name]:
		case expected[name] || f.justified(name):
			r.Baseline++
		default:
			r.Findings = append(r.Findings, f.unusedFinding(name, r))
		}
	}
	return nil
}

// uses tells whether a call in the phase is a use of an entry; the runtime's are.
func (o *Options) uses(phase string) bool {
	return phase == recording.PhaseHandover || o.demands(phase)
}

// expected are the names that the exporter adds to what was observed. If the profile says itself which
// calls are the runtime's, others are not; else every runtime's are expected.
func (e *Evidence) expected(f *Filter) (map[string]bool, error) {
	p, err := e.build(exporter.Options{Runtime: exporter.RuntimeAll, NoNewPrivs: exporter.NoNewPrivsAny, AllowIncomplete: true}, named)
	if err != nil {
		return nil, fmt.Errorf("find out which calls a runtime needs: %w", err)
	}
	names := map[string]bool{}
	for i := range p.Entries {
		if !f.Reasoned || !p.Entries[i].Has(exporter.Handover) {
			names[p.Entries[i].Name] = true
		}
	}
	return names, nil
}

// justified tells whether the profile itself gives a reason that needs no use.
func (f *Filter) justified(name string) bool {
	return slices.ContainsFunc(f.Rules[name], func(r Rule) bool {
		return slices.ContainsFunc(r.Reasons, func(ev exporter.Evidence) bool { return ev.Reason != exporter.Observed })
	})
}

func (f *Filter) unusedFinding(name string, r *Result) Finding {
	danger := severity.Of(name)
	return Finding{
		Kind: Unused, Level: Error, Subject: name, ABIs: f.ABIs, Danger: &danger, Line: f.line(name),
		Text: fmt.Sprintf("%s is allowed, but in no recording; phases reached: %s", name, orNothing(r.Phases)),
		Next: "leave it out, or record what needs it",
	}
}
