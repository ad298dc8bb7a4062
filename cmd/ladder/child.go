package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// child is a measured process.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out io.ReadCloser
}

// quiet keeps the Go runtime of a child from making calls, and from
// interrupting the loop.
var quiet = []string{"GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1"}

// startChild starts this program as a loop of that kind, pinned to cpu, inside
// the cgroup whose directory is open as cgroupFD. A wrapper (strace …) may come first.
func startChild(wrapper []string, kind string, cpu int, cgroupFD int, files ...*os.File) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := append(append([]string{}, wrapper...), self, loopArg, kind, strconv.Itoa(cpu))
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), quiet...)
	cmd.ExtraFiles = files
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: cgroupFD, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	c := &child{cmd: cmd}
	if c.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.out, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", args[0], err)
	}
	return c, nil
}

// shortest runs bursts and returns the time of the shortest one.
func (c *child) shortest(o order) (time.Duration, error) {
	if err := binary.Write(c.in, binary.NativeEndian, o); err != nil {
		return 0, fmt.Errorf("ordering bursts from the measured child: %w", err)
	}
	var ns int64
	if err := binary.Read(c.out, binary.NativeEndian, &ns); err != nil {
		return 0, fmt.Errorf("the measured child gave up: %w", err)
	}
	return time.Duration(ns), nil
}

// stop ends the child: it obeys until its input ends.
func (c *child) stop() error {
	c.in.Close()
	timer := time.AfterFunc(2*time.Second, func() { _ = c.cmd.Process.Kill() })
	defer timer.Stop()
	err := c.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil // killed, or told to
	}
	return err
}
