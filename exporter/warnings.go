package exporter

import (
	"fmt"
	"slices"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// warnings are what a person should know before trusting a profile of recs,
// the gravest first.
func warnings(recs []*recording.Recording, opts Options) []string {
	var list []string
	for _, r := range recs {
		if !r.Complete {
			list = append(list, fmt.Sprintf("the recording of %s is incomplete: calls may be missing from the profile", workloadName(r)))
		}
		if r.Workload.Seccomp == 2 {
			list = append(list, fmt.Sprintf("%s was recorded under a seccomp filter: calls that it denies could not be seen; record without one", workloadName(r)))
		}
	}
	slices.Sort(list)
	return append(slices.Compact(list), phaseWarnings(recs, opts.Phases)...)
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
