package exporter

import (
	"fmt"
	"slices"
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// warnings are what a person should know before trusting a profile of recs,
// the gravest first.
func warnings(recs []*recording.Recording, opts Options) []string {
	var list []string
	for _, r := range recs {
		list = append(list, recordingWarnings(r)...)
	}
	list = append(list, unseenStarts(recs)...)
	if opts.Runtime == "" && withStart(opts.Phases) {
		list = append(list, unknownRuntimes(recs)...)
	}
	slices.Sort(list)
	return append(slices.Compact(list), phaseWarnings(recs, opts.Phases)...)
}

// recordingWarnings are those that one recording gives rise to, whatever the others hold.
func recordingWarnings(r *recording.Recording) []string {
	var list []string
	if !r.Complete {
		list = append(list, fmt.Sprintf("the recording of %s is incomplete: calls may be missing from the profile", workloadName(r)))
	}
	if r.Workload.Seccomp == 2 {
		list = append(list, fmt.Sprintf("%s was recorded under a seccomp filter: calls that it denies could not be seen; record without one", workloadName(r)))
	}
	if len(r.Gaps) > 0 {
		list = append(list, fmt.Sprintf("nobody watched %s for %s of its recording: its calls were counted, but a phase that readiness or a mark was to begin then may have begun late", workloadName(r), gapTime(r)))
	}
	return list
}

// gapTime is the length of all gaps.
func gapTime(r *recording.Recording) time.Duration {
	var sum time.Duration
	for _, g := range r.Gaps {
		sum += time.Duration(g.EndNs - g.StartNs)
	}
	return sum.Round(time.Millisecond)
}

// unseenStarts names the workloads that ran before scallop came and that no other
// recording shows from their start.
func unseenStarts(recs []*recording.Recording) []string {
	seen := map[string]bool{}
	for _, r := range recs {
		if recording.Reached(r, recording.PhaseStartup) {
			seen[workloadName(r)] = true
		}
	}
	var list []string
	for _, r := range recs {
		if attached(r) && !seen[workloadName(r)] {
			list = append(list, fmt.Sprintf("%s was running before its recording began, its startup is unseen: add a recording of a start, or it may not start under the profile", workloadName(r)))
		}
	}
	return list
}

func attached(r *recording.Recording) bool {
	return len(r.Phases) > 0 && r.Phases[0].Trigger.Kind == triggerAttached
}

// triggerAttached is recording.Trigger's kind for a workload that was running before scallop came.
const triggerAttached = "attached"

// unknownRuntimes: a container was started by something that no baseline is of.
func unknownRuntimes(recs []*recording.Recording) []string {
	var list []string
	for _, r := range recs {
		c := r.Workload.Container
		if c == nil || familyOf(c.Runtime) != "" {
			continue
		}
		what := "a runtime that the recording does not name"
		if c.Runtime != "" {
			what = fmt.Sprintf("runtime %s, which was never measured", recording.CleanString(c.Runtime))
		}
		list = append(list, fmt.Sprintf("%s was started by %s: what %s call is allowed instead", workloadName(r), what, Enumerate(families())))
	}
	return list
}

// phaseWarnings says which part of a life the profile does not cover.
func phaseWarnings(recs []*recording.Recording, asked []string) []string {
	reached := phasesOf(recs)
	if len(asked) == 0 && endedByThemselves(recs) && slices.Contains(reached, recording.PhaseStartup) {
		return []string{"no recording reached phase steady, the command ended by itself before: the profile holds what such a run takes, not what another may"}
	}
	wants := func(name string) bool { return len(asked) == 0 || slices.Contains(asked, name) }
	var list []string
	for _, p := range []struct{ name, means string }{
		{recording.PhaseStartup, "the profile may not let the workload start"},
		{recording.PhaseSteady, "the profile holds what starting takes, not what working takes"},
		{recording.PhaseShutdown, "the workload may fail when it is told to stop"},
	} {
		switch {
		case p.name == recording.PhaseStartup && len(unseenStarts(recs)) > 0:
			// said already, with the reason
		case !slices.Contains(reached, p.name):
			list = append(list, fmt.Sprintf("no recording reached phase %s: %s", p.name, p.means))
		case !wants(p.name) && p.name == recording.PhaseSteady:
			list = append(list, "phase steady is left out: "+p.means)
		}
	}
	return list
}

// endedByThemselves: commands like ls, which are neither ready nor told to stop.
func endedByThemselves(recs []*recording.Recording) bool {
	for _, r := range recs {
		if r.Workload.Leader.ExitCode == nil || recording.Reached(r, recording.PhaseSteady) || recording.Reached(r, recording.PhaseShutdown) {
			return false
		}
	}
	return true
}
