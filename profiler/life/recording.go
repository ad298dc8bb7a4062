package life

import (
	"fmt"
	"maps"
	"slices"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Partial is why a checkpoint is incomplete.
const Partial = "still being recorded: this is a checkpoint, and what came after it is missing"

// Recording is the file as it stands with that snapshot; reasons make it an incomplete one.
func (l *Life) Recording(s *profiler.Snapshot, reasons ...string) *recording.Recording {
	l.Look(s)
	end := profiler.Now()
	phases := profiler.Timeline(profiler.Complete(l.turns, s, l.names), l.Start, end)
	reasons = slices.Concat(reasons, l.failures, lossReasons(s.Losses))
	return &recording.Recording{
		APIVersion: recording.APIVersion,
		Kind:       recording.Kind,
		ID:         l.id,
		Tool:       l.Tool,
		Complete:   len(reasons) == 0,
		Incomplete: reasons,
		StartedAt:  l.Clock,
		DurationNs: max(0, end-l.Start),
		Workload:   l.workload(s.Exes),
		Host:       l.Host,
		Phases:     phases,
		Gaps:       l.gaps,
		Unreached:  profiler.Unreached(phases),
		Losses:     s.Losses,
		Syscalls:   profiler.Evidence(s, l.last, l.names, l.Start),
	}
}

func (l *Life) workload(exes map[profiler.ExeID]string) recording.Workload {
	w := l.About
	stopped := slices.ContainsFunc(l.turns, func(t profiler.Turn) bool { return t.Phase == recording.PhaseShutdown })
	l.Leader.describe(&w, exes, stopped)
	return w
}

func lossReasons(losses map[string]uint64) []string {
	var reasons []string
	for _, name := range slices.Sorted(maps.Keys(losses)) {
		if losses[name] > 0 {
			reasons = append(reasons, fmt.Sprintf("%d lost: %s", losses[name], name))
		}
	}
	return reasons
}
