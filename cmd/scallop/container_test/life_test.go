package container_test

import (
	"cmp"
	"fmt"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
	"github.com/scallop-sec/scallop/profiler/hosttest/servers"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// life is what a container is led through: the same when it is recorded and when it runs
// under its profile.
type life struct {
	host     *host
	server   server
	c        container
	recorder *recorded.Recorder // nil under a profile
	pid      int                // of the first process, once it is known
}

// lead goes through the whole life. The first step that fails ends it.
func (l *life) lead(t *testing.T) error {
	t.Helper()
	l.c.image, l.c.label = l.server.name, "org.example.test="+l.c.name
	t.Cleanup(func() { l.host.remove(l.c.name) })
	return servers.Lead(
		servers.At(servers.Start, func() error { return l.host.start(l.c) }),
		servers.At(servers.Ready, l.awaitReady),
		servers.At(servers.Filter, l.checkFilter),
		servers.At(servers.Work, func() error { return l.server.serve(l.host.room) }),
		servers.At(servers.Stop, l.stop),
	)
}

// probed: the engine tells when the server is healthy.
func (l *life) probed() bool { return l.host.probes && l.server.probed }

func (l *life) awaitReady() error {
	if err := poll(func() error { return l.server.answers(l.host.room) }, l.ended()); err != nil {
		return err
	}
	if l.probed() {
		if err := poll(func() error { return l.host.healthy(l.c.name) }, l.ended()); err != nil {
			return err
		}
	}
	return l.awaitSteady()
}

// awaitSteady: scallop must find so, too, if it is recording the container from its start.
func (l *life) awaitSteady() error {
	if l.recorder == nil {
		return nil
	}
	return l.recorder.AwaitEvent("phase", "steady")
}

// awaitSteadyCall: what does nothing most of the time may be stopped before it has made a call.
func (l *life) awaitSteadyCall() error {
	return l.recorder.AwaitEvent("syscall", "steady")
}

// ended is closed when the container's first process has gone.
func (l *life) ended() <-chan struct{} {
	pid, err := l.host.leader(l.c.name)
	if err != nil || pid == 0 {
		gone := make(chan struct{})
		close(gone)
		return gone
	}
	return awaitExit(pid)
}

// awaitExit closes the channel it returns when the process, which is not a child, has gone.
func awaitExit(pid int) <-chan struct{} {
	gone := make(chan struct{})
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		close(gone)
		return gone
	}
	go func() {
		defer unix.Close(fd)
		defer close(gone)
		for range int(2 * defaultPatience.Seconds()) {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 1000)
			if n == 1 || err != nil && err != unix.EINTR {
				return
			}
		}
	}()
	return gone
}

// checkFilter asks the kernel what the container's first process runs under.
func (l *life) checkFilter() error {
	var err error
	if l.pid, err = l.host.leader(l.c.name); err != nil {
		return err
	}
	return servers.Confined(l.pid, l.c.profile != "", l.c.noNewPrivs)
}

// stop: a server that stops in order says so with its exit code.
func (l *life) stop() error {
	code, err := l.host.stop(l.c.name)
	if err == nil && code != 0 {
		err = fmt.Errorf("exit code %d", code)
	}
	return err
}

func (l *life) checkLeader(t *testing.T, got recording.Leader) {
	t.Helper()
	if got.PID != l.pid || filepath.Base(got.Exe) != l.server.program || got.ExitCode == nil || *got.ExitCode != 0 {
		t.Errorf("leader %+v, want pid %d of %s with exit code 0", got, l.pid, l.server.program)
	}
}

// startRecorder waits for the container, and returns what is to begin its steady phase.
func (l *life) startRecorder(t *testing.T) (ready string) {
	t.Helper()
	if l.probed() {
		l.recorder = startWaiting(t, l.host, l.c)
		return "ready-health"
	}
	l.recorder = startWaiting(t, l.host, l.c, "--settle", "500ms")
	return "settle"
}

// record leads a server through its life under scallop and returns the recording's path.
func record(t *testing.T, h *host, s server, noNewPrivs bool) string {
	t.Helper()
	l := &life{host: h, server: s, c: container{name: room.Unique(s.name), noNewPrivs: noNewPrivs}}
	ready := l.startRecorder(t)
	if err := l.lead(t); err != nil {
		t.Fatalf("recording: %v\nserver: %s\nscallop: %s", err, h.logs(l.c.name), &l.recorder.Out)
	}
	path, rec := finish(t, l.recorder)
	checkRecording(t, h, l.c, path, rec)
	recorded.CheckPhases(t, rec, [2]string{"startup", "exec"}, [2]string{"steady", ready}, [2]string{"shutdown", "signal " + s.stop})
	if rec.Unreached != nil {
		t.Errorf("unreached %v", rec.Unreached)
	}
	l.checkLeader(t, rec.Workload.Leader)
	h.remove(l.c.name)
	return path
}

// enforce leads a server through its life under a profile.
func enforce(t *testing.T, h *host, s server, noNewPrivs bool, profile string) (logs string, err error) {
	t.Helper()
	l := &life{host: h, server: s, c: container{name: room.Unique(s.name), noNewPrivs: noNewPrivs, profile: profile}}
	err = l.lead(t)
	logs = h.logs(l.c.name)
	h.remove(l.c.name)
	return cmp.Or(logs, "no logs"), err
}
