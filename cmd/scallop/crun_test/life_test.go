package crun_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
	"github.com/scallop-sec/scallop/profiler/hosttest/servers"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// life is what a container is led through: the same when it is recorded and when it runs
// under its profile.
type life struct {
	c        *container
	recorder *recorded.Recorder // nil if it is not recorded
	steady   func() error       // besides the traffic; may be nil
}

// lead goes through the whole life. The first step that fails ends it, and its container.
func (l *life) lead() error {
	defer l.c.remove()
	return servers.Lead(
		servers.At(servers.Start, l.c.start),
		servers.At(servers.Ready, l.awaitReady),
		servers.At(servers.Filter, func() error { return servers.Confined(l.c.pid, l.c.profile != nil, l.c.noNewPrivs) }),
		servers.At(servers.Work, l.c.server.serve),
		servers.At(servers.Enter, l.steady),
		servers.At(servers.Stop, l.c.stop),
	)
}

// awaitReady: scallop must find so, too.
func (l *life) awaitReady() error {
	if err := poll(l.c.server.answers, l.c.ended); err != nil || l.recorder == nil {
		return err
	}
	return l.recorder.AwaitEvent("phase", "steady")
}

// record leads a container through its life under scallop, which waits for its cgroup.
func record(t *testing.T, c *container) (string, *recording.Recording) {
	t.Helper()
	r := startRecord(t, "--cgroup", c.cgroup(), "--wait", "--stop-signal", c.server.stop, "--ready-tcp", c.server.address)
	return recordLife(t, &life{c: c, recorder: r}, "ready-tcp")
}

// recordLife checks what is true of the recording of every whole life.
func recordLife(t *testing.T, l *life, ready string) (string, *recording.Recording) {
	t.Helper()
	if err := l.lead(); err != nil {
		t.Fatalf("recording: %v\nserver: %s\nscallop: %s", err, l.c.log(), &l.recorder.Out)
	}
	path, rec := finish(t, l.recorder)
	checkIdentity(t, l.c, rec)
	recorded.CheckPhases(t, rec, [2]string{"startup", "exec"}, [2]string{"steady", ready}, [2]string{"shutdown", "signal " + l.c.server.stop})
	leader := rec.Workload.Leader
	if leader.PID != l.c.pid || filepath.Base(leader.Exe) != l.c.server.program || leader.ExitCode == nil || *leader.ExitCode != 0 {
		t.Errorf("leader %+v, want pid %d of %s with exit code 0", leader, l.c.pid, l.c.server.program)
	}
	return path, rec
}

const patience = 3 * time.Minute // emulation is slow, and others may be busy beside it

// poll is process.Poll with the patience that emulation needs.
func poll(try func() error, ended <-chan struct{}) error { return process.Poll(patience, ended, try) }
