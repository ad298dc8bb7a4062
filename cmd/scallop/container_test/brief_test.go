package container_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Containers whose whole life is `true`: so many of them, and at a time.
const (
	briefLives  = 20
	briefAtOnce = 5
)

// testBrief: each has a recording, under its name, from its first call to its last.
func testBrief(t *testing.T, h *host) {
	prefix := room.Unique("brief")
	r := startWaiting(t, h, container{name: prefix + "-*"})
	room := make(chan struct{}, briefAtOnce)
	var all sync.WaitGroup
	for i := range briefLives {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			liveBriefly(t, h, fmt.Sprintf("%s-%d", prefix, i))
		})
	}
	all.Wait()
	r.End(unix.SIGINT)
	if r.ExitCode() != 0 {
		t.Errorf("scallop ended with code %d:\n%s", r.ExitCode(), &r.Out)
	}
	for i := range briefLives {
		files, err := filepath.Glob(filepath.Join(r.Dir, fmt.Sprintf("%s-%s-%d-*.json", h.kind, prefix, i)))
		if err != nil || len(files) != 1 {
			t.Errorf("files %q of life %d, %v", files, i, err)
			continue
		}
		checkBrief(t, recorded.Read(t, files[0]))
	}
}

func liveBriefly(t *testing.T, h *host, name string) {
	t.Helper()
	defer h.remove(name)
	if err := h.start(container{name: name, image: "tools", args: []string{"/bin/busybox", "true"}}); err != nil {
		t.Error(err)
		return
	}
	<-(&life{host: h, c: container{name: name}}).ended()
}

func checkBrief(t *testing.T, rec *recording.Recording) {
	t.Helper()
	recorded.CheckComplete(t, rec)
	leader := rec.Workload.Leader
	if leader.Exe != "/bin/busybox" || leader.ExitCode == nil || *leader.ExitCode != 0 {
		t.Errorf("%s: leader %+v", rec.Workload.Name, leader)
	}
	if recorded.Count(rec, "execve", recording.PhaseSetup) == 0 || recorded.Count(rec, "exit_group", recording.PhaseStartup) != 1 {
		t.Errorf("%s: %d execve in setup, %d exit_group in startup", rec.Workload.Name,
			recorded.Count(rec, "execve", recording.PhaseSetup), recorded.Count(rec, "exit_group", recording.PhaseStartup))
	}
}
