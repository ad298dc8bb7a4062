package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// recorder is the scallop that is looked at.
type recorder struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	room   int // workloads
}

// slack is room for cgroups that have ended and whose room is not given back yet, in seconds of churn.
const slack = 6

// startRecorder returns when everything is attached.
func startRecorder(opts options, top, out, dir string) (*recorder, error) {
	r := &recorder{room: opts.cgroups + slack*opts.rate + 1}
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	defer ready.Close()
	r.cmd = exec.Command(opts.scallop, "record", "--quiet", "--all", "--root", top, "-o", out, "--max-workloads", strconv.Itoa(r.room), "--checkpoint", opts.checkpoint.String())
	r.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+filepath.Join(dir, "notify"), "SCALLOP_RUNTIME_DIR="+filepath.Join(dir, "run"))
	r.cmd.Stderr = &r.stderr
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	_ = ready.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := ready.Read(make([]byte, 100)); err != nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
		return nil, fmt.Errorf("waiting for scallop: %w: %s", err, r.stderr.String())
	}
	return r, nil
}

// stop ends it as Ctrl-C does, and returns its exit code.
func (r *recorder) stop() (int, error) {
	if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
		return 0, err
	}
	err := r.cmd.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}
