package container_test

import (
	"slices"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// testLate attaches scallop to a container that serves already, and that nobody probes: what a
// runtime is doing in it at that moment cannot be told from its own.
func testLate(t *testing.T, h *host) {
	l := &life{host: h, server: redis, c: container{name: room.Unique("late"), image: "redis", label: "org.example.late=yes"}}
	t.Cleanup(func() { h.remove(l.c.name) })
	if err := firstError(h.start(l.c), l.awaitReady); err != nil {
		t.Fatal(err, h.logs(l.c.name))
	}
	l.recorder = startRecord(t, h, h.running(l.c)...)
	if err := firstError(redis.serve(h.room), l.stop); err != nil {
		t.Fatal(err, h.logs(l.c.name))
	}
	path, rec := finish(t, l.recorder)
	checkRecording(t, h, l.c, path, rec)
	recorded.CheckPhases(t, rec, [2]string{"steady", "attached"}, [2]string{"shutdown", "signal SIGTERM"})
	if !slices.Equal(rec.Unreached, []string{recording.PhaseStartup}) {
		t.Errorf("unreached %v, want startup", rec.Unreached)
	}
	// Every request was made after "recording".
	if n := recorded.Count(rec, "read", recording.PhaseSteady); n < redisConnections*redisCommands {
		t.Errorf("%d reads for %d commands", n, redisConnections*redisCommands)
	}
}
