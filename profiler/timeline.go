package profiler

import (
	"cmp"
	"maps"
	"slices"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// Turn is the begin of a phase.
type Turn struct {
	Time    int64 // as Now
	Phase   string
	Trigger recording.Trigger
}

// Timeline turns the begins of phases, in any order, into phases that follow
// each other: the last one ends at end. Times become offsets from start.
func Timeline(turns []Turn, start, end int64) []recording.Phase {
	turns = slices.Clone(turns)
	slices.SortStableFunc(turns, func(a, b Turn) int { return cmp.Compare(a.Time, b.Time) })
	phases := make([]recording.Phase, 0, len(turns))
	for i, turn := range turns {
		until := end
		if i+1 < len(turns) {
			until = turns[i+1].Time
		}
		from := max(0, turn.Time-start)
		phases = append(phases, recording.Phase{
			Name:    turn.Phase,
			StartNs: from,
			EndNs:   max(from, until-start),
			Trigger: turn.Trigger,
		})
	}
	return phases
}

// Unreached lists the lifecycle phases, from startup on, that are not among phases.
func Unreached(phases []recording.Phase) []string {
	var missing []string
	for _, name := range []string{recording.PhaseStartup, recording.PhaseSteady, recording.PhaseShutdown} {
		if !slices.ContainsFunc(phases, func(p recording.Phase) bool { return p.Name == name }) {
			missing = append(missing, name)
		}
	}
	return missing
}

// Complete adds a turn for each phase that has calls but no turn: its event was
// dropped, which is counted as a loss; the calls are filed rightly all the same.
func Complete(turns []Turn, s *Snapshot, names *PhaseNames) []Turn {
	first := map[PhaseID]int64{}
	for _, c := range s.Calls {
		if t, ok := first[c.Phase]; !ok || c.First.Time < t {
			first[c.Phase] = c.First.Time
		}
	}
	turns = slices.Clone(turns)
	for _, id := range slices.Sorted(maps.Keys(first)) {
		name := names.Name(id)
		known := slices.ContainsFunc(turns, func(t Turn) bool { return t.Phase == name })
		if known || id == PhaseSetup || id == PhaseHandover {
			continue // those two belong to tasks, not to a stretch of time
		}
		turns = append(turns, Turn{first[id], name, recording.Trigger{Kind: "unseen", Detail: "known by its first call only"}})
	}
	return turns
}
