package gate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// requirements judges the recordings themselves: a profile that covers a shallow one is not proven.
func (r *Result) requirements(e *Evidence, opts Options) error {
	for _, in := range e.incomplete {
		r.Findings = append(r.Findings, incompleteFinding(in, opts.AllowIncomplete))
	}
	for _, phase := range opts.Require {
		if !slices.Contains(r.Phases, phase) {
			r.Findings = append(r.Findings, Finding{
				Kind: Unreached, Level: Error, Subject: phase,
				Text: fmt.Sprintf("no recording reached phase %s, so its calls are unknown; reached: %s", phase, orNothing(r.Phases)),
				Next: "record until it is reached: see scallop run --help on --ready-…, --stop-after and scallop mark",
			})
		}
	}
	if len(opts.Require) == 0 {
		r.unasked(e)
	}
	for _, source := range e.filtered {
		r.Findings = append(r.Findings, Finding{
			Kind: Filtered, Level: Warning, Subject: source,
			Text: fmt.Sprintf("%s was recorded under a seccomp filter: calls that it denies could not be seen", recording.CleanString(source)),
			Next: "record without a filter",
		})
	}
	return r.coverage(e, opts)
}

// unasked warns of phases that nothing is known of, where nobody demanded one.
func (r *Result) unasked(e *Evidence) {
	for _, phase := range []string{recording.PhaseStartup, recording.PhaseSteady, recording.PhaseShutdown} {
		if !slices.Contains(r.Phases, phase) && e.unreached[phase] > 0 {
			r.Findings = append(r.Findings, Finding{
				Kind: Unreached, Level: Note, Subject: phase,
				Text: fmt.Sprintf("no recording reached phase %s: its calls are unknown, not absent", phase),
				Next: "demand it with --require-phases, and record until it is reached",
			})
		}
	}
}

func incompleteFinding(in Incomplete, allow bool) Finding {
	why := "no reason given"
	if len(in.Why) > 0 {
		why = recording.CleanString(strings.Join(in.Why, "; "))
	}
	f := Finding{
		Kind: Unrecorded, Level: Error, Subject: in.Source,
		Text: fmt.Sprintf("%s, of %s, is incomplete: %s", recording.CleanString(in.Source), in.Workload, why),
		Next: "record again, or accept that calls may be missing with --allow-incomplete",
	}
	if allow {
		f.Level = Warning
		f.Next = "record again"
	}
	return f
}

func orNothing(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return exporter.Enumerate(words)
}
