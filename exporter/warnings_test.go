package exporter

import (
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// late is a recording of a workload that was running when it began.
func late(t *testing.T, name string) *recording.Recording {
	r := record(t, name, counts{"steady": {"read": 1}, "shutdown": {"close": 1}})
	r.Phases = []recording.Phase{{Name: "steady", Trigger: recording.Trigger{Kind: "attached"}}, {Name: "shutdown"}}
	return r
}

func TestAttachedLate(t *testing.T) {
	w := build(t, Options{}, late(t, "web")).Warnings
	if len(w) != 1 || !strings.Contains(w[0], "web was running before its recording began, its startup is unseen") {
		t.Errorf("warnings: %q", w)
	}
	// A start of another workload does not help, one of the same does.
	w = build(t, Options{}, late(t, "web"), server(t)).Warnings
	if len(w) != 1 || !strings.Contains(w[0], "web was running before") {
		t.Errorf("warnings: %q", w)
	}
	start := record(t, "web", counts{"startup": {"mmap": 1}})
	if w := build(t, Options{}, late(t, "web"), start).Warnings; len(w) > 0 {
		t.Errorf("warnings: %q", w)
	}
}

func TestRecordedWithGaps(t *testing.T) {
	r := server(t)
	r.Gaps = []recording.Gap{{StartNs: 1e9, EndNs: 3e9}, {StartNs: 5e9, EndNs: 5e9 + int64(250*time.Millisecond)}}
	w := build(t, Options{}, r).Warnings
	if len(w) != 1 || !strings.Contains(w[0], "nobody watched server for 2.25s") {
		t.Errorf("warnings: %q", w)
	}
}

// TestWarningsAreClean: names come from files that nobody vouches for.
func TestWarningsAreClean(t *testing.T) {
	r := inContainer(late(t, "web\x1b[31m"), "kata\n\x1b[2J", nil)
	r.Workload.Seccomp = 2
	for _, w := range warnings([]*recording.Recording{r}, Options{}) {
		if recording.CleanString(w) != w {
			t.Errorf("%q", w)
		}
	}
}
