package process_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/hosttest/process"
)

// The end of a long output stays, and the exit code.
func TestStart(t *testing.T) {
	p := process.Start(t, exec.Command("sh", "-c", "i=0; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); done; exit 7"), nil)
	<-p.Exited()
	if out := p.Out.String(); !strings.HasSuffix(out, "1999\n") || len(out) > 5000 || p.ExitCode() != 7 {
		t.Errorf("code %d, %d bytes that end with %q", p.ExitCode(), len(out), out[max(0, len(out)-20):])
	}
	p.End(unix.SIGTERM) // again, which changes nothing
}

// End waits, also where a child holds the pipes.
func TestEnd(t *testing.T) {
	p := process.Start(t, exec.Command("sh", "-c", "sleep 30 & echo ready; wait"), nil)
	p.Await(t, time.Minute, func() error {
		if p.Out.String() != "ready\n" {
			return errors.New("not ready")
		}
		return nil
	})
	p.End(unix.SIGKILL)
	if p.ExitCode() != -1 {
		t.Errorf("exit code %d of a killed command", p.ExitCode())
	}
}

func TestOutput(t *testing.T) {
	if out, err := process.Output(exec.Command("sh", "-c", "echo a; echo b >&2")); out != "a\nb" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	_, err := process.Output(exec.Command("sh", "-c", "echo why; exit 3"))
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.Contains(err.Error(), "why") {
		t.Error(err)
	}
}

func TestPoll(t *testing.T) {
	no := errors.New("no")
	ended := make(chan struct{})
	close(ended)
	if err := process.Poll(time.Minute, ended, func() error { return no }); !errors.Is(err, process.ErrEnded) || !errors.Is(err, no) {
		t.Error(err)
	}
	if err := process.Poll(0, nil, func() error { return no }); errors.Is(err, process.ErrEnded) || !errors.Is(err, no) {
		t.Error(err)
	}
	tries := 0
	if err := process.Poll(time.Minute, nil, func() error {
		if tries++; tries < 3 {
			return no
		}
		return nil
	}); err != nil || tries != 3 {
		t.Error(tries, err)
	}
}
