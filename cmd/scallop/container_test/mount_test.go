package container_test

import (
	"slices"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// A signal that begins shutdown for this image alone.
const toolsStop = "SIGUSR1"

// toolsImage is busybox alone.
func toolsImage() image {
	return image{name: "tools", config: imageConfig{Env: []string{containerPath}, StopSignal: toolsStop}}
}

// mountScript ends with code 0 at the stop signal.
const mountScript = `trap 'exit 0' USR1; mount -t tmpfs none /tmp; while :; do sleep 0.1; done`

// testMount: what the workload itself mounts is in its profile.
func testMount(t *testing.T, h *host) {
	l := &life{host: h, server: server{program: "busybox"}, c: container{name: room.Unique("mount"), image: "tools",
		label: "org.example.mount=yes", mounts: true, args: []string{"/bin/sh", "-c", mountScript}}}
	t.Cleanup(func() { h.remove(l.c.name) })
	ready := l.startRecorder(t)
	if err := firstError(h.start(l.c), l.awaitSteady, l.checkFilter, l.awaitSteadyCall, l.stop); err != nil {
		t.Fatal(err, h.logs(l.c.name))
	}
	path, rec := finish(t, l.recorder)
	checkRecording(t, h, l.c, path, rec)
	recorded.CheckPhases(t, rec, [2]string{"startup", "exec"}, [2]string{"steady", ready}, [2]string{"shutdown", "signal " + toolsStop})
	l.checkLeader(t, rec.Workload.Leader)
	if n := recorded.Count(rec, "mount", recording.PhaseStartup); n != 1 {
		t.Errorf("%d mounts in startup, want 1\n%s", n, h.logs(l.c.name))
	}
	names := allowed(t, exportProfile(t, h, path, "errno"))
	for _, name := range setupOnly {
		if slices.Contains(names, name) != (name == "mount") {
			t.Errorf("the profile has the wrong word on %s", name)
		}
	}
}
