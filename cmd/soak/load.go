package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"github.com/scallop-sec/scallop/profiler/cgroup"
)

// program compiles the load generator, testdata/programs/load.c.
func program(dir string) (string, error) {
	const source = "testdata/programs/load.c"
	out := filepath.Join(dir, "load")
	text, err := exec.Command("gcc", "-O1", "-fno-stack-protector", "-nostdlib", "-static", "-o", out, source).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("compiling %s: %w: %s: run it in the repository's folder, with gcc installed", source, err, text)
	}
	return out, nil
}

// kind of load: see load.c.
type kind struct{ calls, pause, bursts int }

var (
	busy    = kind{10_000, 0, 0} // takes a whole CPU
	regular = kind{20, 500, 0}   // forty calls a second
	brief   = kind{50, 100, 10}  // lives for a second
)

// crowd is all load, and what it says of itself.
type crowd struct {
	program string
	top     *cgroup.Cgroup

	mu     sync.Mutex
	made   int               // cgroups
	calls  map[string]uint64 // by cgroup's name
	failed error             // the first one
}

// member is a process in a cgroup of its own.
type member struct {
	c   *cgroup.Cgroup
	cmd *exec.Cmd
	out bytes.Buffer
}

// start makes a cgroup and lets a process be born in it.
func (c *crowd) start(name string, k kind) (*member, error) {
	m := &member{c: &cgroup.Cgroup{Mount: c.top.Mount, Path: filepath.Join(c.top.Path, name)}}
	if err := os.Mkdir(m.c.Dir(), 0o755); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.made++
	c.mu.Unlock()
	dir, err := os.Open(m.c.Dir())
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	m.cmd = exec.Command(c.program, strconv.Itoa(k.calls), strconv.Itoa(k.pause), strconv.Itoa(k.bursts))
	m.cmd.Stdout = &m.out
	m.cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
	return m, m.cmd.Start()
}

// end waits for a member's end, takes its count and removes its cgroup.
func (c *crowd) end(m *member) error {
	if err := m.cmd.Wait(); err != nil {
		return err
	}
	var made uint64
	if err := binary.Read(&m.out, binary.NativeEndian, &made); err != nil {
		return fmt.Errorf("%s did not say how many calls it made: %w", m.c.Path, err)
	}
	c.mu.Lock()
	c.calls[filepath.Base(m.c.Path)] = made
	c.mu.Unlock()
	return m.c.Remove()
}

func (c *crowd) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		c.failed = err
	}
}

// stop ends those that go on until they are told.
func (c *crowd) stop(members []*member) error {
	var errs []error
	for _, m := range members {
		errs = append(errs, m.cmd.Process.Signal(syscall.SIGTERM))
	}
	for _, m := range members {
		errs = append(errs, c.end(m))
	}
	return errors.Join(errs...)
}
