package crun_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// life is what a container is led through: the same when it is recorded and when it runs
// under its profile.
type life struct {
	c        *container
	recorder *recorder    // nil if it is not recorded
	steady   func() error // besides the traffic; may be nil
}

// Names of the steps that a life may fail at.
const (
	stepStart  = "start"
	stepReady  = "be ready"
	stepFilter = "run under a filter"
	stepServe  = "serve"
	stepExec   = "be entered"
	stepStop   = "stop"
)

type stepError struct {
	step string
	err  error
}

func (e *stepError) Error() string { return e.step + ": " + e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

// failedAt is the step that a life ended at.
func failedAt(err error) string {
	var step *stepError
	if errors.As(err, &step) {
		return step.step
	}
	return fmt.Sprint(err)
}

// lead goes through the whole life. The first step that fails ends it, and its container.
func (l *life) lead() error {
	defer l.c.remove()
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{stepStart, l.c.start},
		{stepReady, l.awaitReady},
		{stepFilter, l.checkFilter},
		{stepServe, l.c.server.serve},
		{stepExec, l.steady},
		{stepStop, l.c.stop},
	} {
		if step.do == nil {
			continue
		}
		if err := step.do(); err != nil {
			return &stepError{step.name, err}
		}
	}
	return nil
}

// awaitReady: scallop must find so, too.
func (l *life) awaitReady() error {
	if err := poll(l.c.server.answers, l.c.ended); err != nil || l.recorder == nil {
		return err
	}
	return l.recorder.await(event{Event: "phase", Phase: "steady"})
}

// checkFilter asks the kernel what the container's first process runs under.
func (l *life) checkFilter() error {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", l.c.pid))
	if err != nil {
		return err
	}
	mode, flag := "0", "0"
	if l.c.profile != nil {
		mode = "2"
	}
	if l.c.noNewPrivs {
		flag = "1"
	}
	for _, want := range []string{"Seccomp:\t" + mode, "NoNewPrivs:\t" + flag} {
		if !strings.Contains(string(status), want+"\n") {
			return fmt.Errorf("the status of pid %d has no %q", l.c.pid, want)
		}
	}
	return nil
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
	path, rec := l.recorder.finish(t)
	checkIdentity(t, l.c, rec)
	checkPhases(t, rec, [2]string{"startup", "exec"}, [2]string{"steady", ready}, [2]string{"shutdown", "signal " + l.c.server.stop})
	leader := rec.Workload.Leader
	if leader.PID != l.c.pid || filepath.Base(leader.Exe) != l.c.server.program || leader.ExitCode == nil || *leader.ExitCode != 0 {
		t.Errorf("leader %+v, want pid %d of %s with exit code 0", leader, l.c.pid, l.c.server.program)
	}
	return path, rec
}

const patience = 3 * time.Minute // emulation is slow, and others may be busy beside it

// poll is process.Poll with the patience that emulation needs.
func poll(try func() error, ended <-chan struct{}) error { return process.Poll(patience, ended, try) }

// firstError is the first error of the steps, which are taken until one fails.
func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
