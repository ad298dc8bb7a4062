package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// startTimeout bounds one start; in an emulated machine that is busy it takes some seconds.
const startTimeout = time.Minute

const pollInterval = 50 * time.Millisecond

// unified shows the runtime a host with cgroup2 alone, whatever this one mounts, and goes on
// with its arguments. It runs in a mount namespace of its own. The soft limit of files is below the hard one, as on
// most hosts: Go programs raise it, and put it back before an execve.
const unified = `ulimit -S -n 1024
umount -R /sys/fs/cgroup 2>/dev/null || umount -l /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup && exec "$@"`

// container is one bundle and how its runtime is called.
type container struct {
	program *program
	dir     string // of the bundle
	id      string
	spec    *specs.Spec
	source  source // of what is measured
}

// start goes through the whole life of a container of that kind, with the
// command that makes the measured process behind the source's tracer.
func (c *container) start(ctx context.Context, h how) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	defer c.delete()
	switch h {
	case howRun:
		return c.run(ctx)
	case howCreate:
		return c.createAndStart(ctx)
	default:
		return c.execInto(ctx)
	}
}

// createAndStart: a tracer lives as long as the container, so `create` is not waited for until
// the container has been started.
func (c *container) createAndStart(ctx context.Context) error {
	if err := writeBundle(c.dir, c.spec); err != nil {
		return err
	}
	if err := c.source.begin(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var create error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		create = c.command(ctx, c.source.tracer(), "create", c.id)
	}()
	if err := c.await(ctx, ended, "created"); err != nil {
		<-ended
		return cmp.Or(create, err)
	}
	if err := c.command(ctx, nil, "start", c.id); err != nil {
		return err
	}
	<-ended
	return cmp.Or(create, c.await(ctx, nil, "stopped"))
}

// await returns when the container is in that state. If ended closes first, it has one more look.
func (c *container) await(ctx context.Context, ended <-chan struct{}, state string) error {
	for last := false; ; {
		if c.is(ctx, state) {
			return nil
		}
		if last {
			return &startError{fmt.Errorf("%s: the container did not come to be", state)}
		}
		select {
		case <-ctx.Done():
			return &startError{fmt.Errorf("wait until the container is %s: %w", state, context.Cause(ctx))}
		case <-ended:
			last = true
		case <-time.After(pollInterval):
		}
	}
}

func (c *container) is(ctx context.Context, state string) bool {
	out, err := c.prepare(ctx, nil, "state", c.id).Output()
	return err == nil && bytes.Contains(out, []byte(`"`+state+`"`))
}

func (c *container) execInto(ctx context.Context) error {
	if err := writeBundle(c.dir, hostSpec(c.spec)); err != nil {
		return err
	}
	if err := c.command(ctx, nil, "run", "-d", c.id); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(c.dir, "process.json"), c.spec.Process); err != nil {
		return err
	}
	if err := c.source.begin(); err != nil {
		return err
	}
	return c.command(ctx, c.source.tracer(), "exec", "--process", "process.json", c.id)
}

func (c *container) run(ctx context.Context) error {
	if err := writeBundle(c.dir, c.spec); err != nil {
		return err
	}
	if err := c.source.begin(); err != nil {
		return err
	}
	if !c.spec.Process.Terminal {
		return c.command(ctx, c.source.tracer(), "run", c.id)
	}
	master, slave, err := openTerminal()
	if err != nil {
		return err
	}
	defer master.Close()
	defer slave.Close()
	cmd := c.prepare(ctx, c.source.tracer(), "run", c.id)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	return runtimeError("run", cmd.Run(), "")
}

// command runs one command of the runtime. What it and the container say goes to a
// file, not a pipe: a container that lives on would keep that open.
func (c *container) command(ctx context.Context, tracer []string, args ...string) error {
	out, err := os.Create(filepath.Join(c.dir, "output-"+args[0]))
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := c.prepare(ctx, tracer, args...)
	cmd.Stdout, cmd.Stderr = out, out
	runErr := cmd.Run()
	text, _ := os.ReadFile(out.Name())
	return runtimeError(args[0], runErr, string(text))
}

func runtimeError(command string, err error, said string) error {
	if err == nil {
		return nil
	}
	return &startError{fmt.Errorf("%s: %w: %s", command, err, strings.Join(strings.Fields(said), " "))}
}

// startError says that the runtime itself could not do what it was told.
type startError struct{ error }

func (e *startError) Unwrap() error { return e.error }

func (c *container) prepare(ctx context.Context, tracer []string, args ...string) *exec.Cmd {
	line := append([]string{"-c", unified, "sh"}, tracer...)
	line = append(append(line, c.program.path, "--root", filepath.Join(c.dir, "state")), args...)
	cmd := exec.CommandContext(ctx, "sh", line...)
	cmd.Dir = c.dir
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	return cmd
}

// delete must work after the measurement was interrupted, too.
func (c *container) delete() {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	_ = c.prepare(ctx, nil, "delete", "--force", c.id).Run() // it may be gone already
}
