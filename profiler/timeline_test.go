package profiler

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scallop-sec/scallop/profiler/recording"
)

func turn(at int64, phase string) Turn {
	return Turn{at, phase, recording.Trigger{Kind: "mark"}}
}

func TestTimeline(t *testing.T) {
	phase := func(name string, from, to int64) recording.Phase {
		return recording.Phase{Name: name, StartNs: from, EndNs: to, Trigger: recording.Trigger{Kind: "mark"}}
	}
	for name, test := range map[string]struct {
		turns []Turn
		want  []recording.Phase
	}{
		"none":         {nil, []recording.Phase{}},
		"one":          {[]Turn{turn(100, "setup")}, []recording.Phase{phase("setup", 0, 900)}},
		"out of order": {[]Turn{turn(300, "steady"), turn(100, "setup"), turn(150, "startup")}, []recording.Phase{phase("setup", 0, 50), phase("startup", 50, 200), phase("steady", 200, 900)}},
		"again":        {[]Turn{turn(100, "steady"), turn(200, "reload"), turn(300, "steady")}, []recording.Phase{phase("steady", 0, 100), phase("reload", 100, 200), phase("steady", 200, 900)}},
		"same moment":  {[]Turn{turn(100, "steady"), turn(100, "reload")}, []recording.Phase{phase("steady", 0, 0), phase("reload", 0, 900)}},
		"before start": {[]Turn{turn(50, "setup"), turn(200, "startup")}, []recording.Phase{phase("setup", 0, 100), phase("startup", 100, 900)}},
		"after end":    {[]Turn{turn(100, "setup"), turn(1200, "startup")}, []recording.Phase{phase("setup", 0, 1100), phase("startup", 1100, 1100)}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Timeline(test.turns, 100, 1000)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnreached(t *testing.T) {
	phases := Timeline([]Turn{turn(0, "setup"), turn(1, "startup"), turn(2, "reload")}, 0, 10)
	if got := Unreached(phases); !slices.Equal(got, []string{"steady", "shutdown"}) {
		t.Error(got)
	}
}

// A phase whose event was dropped is known by its first call.
func TestCompleteAddsUnseenTurns(t *testing.T) {
	s := &Snapshot{Calls: []Call{
		{Phase: PhaseSetup, First: First{Time: 1}},
		{Phase: PhaseStartup, First: First{Time: 5}},
		{Phase: PhaseShutdown, First: First{Time: 40}},
		{Phase: PhaseShutdown, First: First{Time: 30}},
	}}
	got := Complete([]Turn{turn(2, "startup")}, s, NewPhaseNames())
	if len(got) != 2 || got[1].Phase != "shutdown" || got[1].Time != 30 || got[1].Trigger.Kind != "unseen" {
		t.Errorf("got %+v", got)
	}
}
