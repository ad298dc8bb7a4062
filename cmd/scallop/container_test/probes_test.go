package container_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Probes as an orchestrator makes them, at their worst.
const (
	probes     = 50
	probeEvery = 100 * time.Millisecond
	// probeCall is made once by each, and by nothing else in the container.
	probeCall = "sync"
)

// testProbes enters a container again and again while it serves: what the runtime does for it is
// setup or handover, what the probe does is steady, and nothing happens to the phases.
func testProbes(t *testing.T, h *host) {
	l := &life{host: h, server: nginx, c: container{name: room.Unique("probes"), image: "nginx", label: "org.example.probes=yes"}}
	t.Cleanup(func() { h.remove(l.c.name) })
	ready := l.startRecorder(t)
	if err := firstError(h.start(l.c), l.awaitReady, l.checkFilter); err != nil {
		t.Fatal(err, h.logs(l.c.name))
	}
	probe(t, h, l.c.name)
	if err := firstError(nginx.serve(h.room), l.stop); err != nil {
		t.Fatal(err, h.logs(l.c.name))
	}
	path, rec := finish(t, l.recorder)
	checkRecording(t, h, l.c, path, rec)
	recorded.CheckPhases(t, rec, [2]string{"startup", "exec"}, [2]string{"steady", ready}, [2]string{"shutdown", "signal SIGQUIT"})
	checkProbes(t, rec)
	l.checkLeader(t, rec.Workload.Leader)
}

// probe starts them in time, even if the engine is slow with each.
func probe(t *testing.T, h *host, name string) {
	t.Helper()
	var all sync.WaitGroup
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for range probes {
		<-tick.C
		all.Go(func() {
			if err := h.exec(name, "/bin/sync"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func checkProbes(t *testing.T, rec *recording.Recording) {
	t.Helper()
	if n := recorded.Count(rec, probeCall, recording.PhaseSteady); n != probes {
		t.Errorf("%d %s in steady, want %d", n, probeCall, probes)
	}
	// The last that the runtime does for each, after it has entered.
	if n := recorded.Count(rec, "execve", recording.PhaseSetup) + recorded.Count(rec, "execve", recording.PhaseHandover); n <= probes {
		t.Errorf("%d execve in setup and handover, want more than %d", n, probes)
	}
	if n := recorded.Count(rec, "execve", recording.PhaseSteady); n != 0 {
		t.Errorf("%d execve in steady, want none", n)
	}
	for _, call := range recorded.Calls(rec, recording.PhaseStartup, recording.PhaseSteady, recording.PhaseShutdown) {
		if slices.Contains(setupOnly, call.Name) || call.Name == probeCall && call.Phase != recording.PhaseSteady {
			t.Errorf("%d %s in %s, first by %s", call.Count, call.Name, call.Phase, call.First.Comm)
		}
	}
}
