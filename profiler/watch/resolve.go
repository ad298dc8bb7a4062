package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/engine"
)

// target is a Target, and what was found for it before the recording began.
type target struct {
	Target
	path       string                       // of Cgroup and PID: the cgroup's
	containers map[string]*engine.Container // by ID
	failed     error                        // why it could not be looked for
	byID       bool                         // of Container: no engine knows it; if Text is an ID, the cgroup's path tells
	found      bool                         // a workload was, now or later
	excluded   bool                         // one was, and Options.Exclude means it
}

// resolve looks for what the engines and /proc know of the targets. What cannot be found stays in
// the list with its error: other targets go on.
func resolve(ctx context.Context, opts Options, mount cgroup.Mount) []*target {
	var targets []*target
	for _, t := range opts.Targets {
		resolved := &target{Target: t, containers: map[string]*engine.Container{}}
		resolved.failed = resolved.resolve(ctx, opts, mount)
		targets = append(targets, resolved)
	}
	return targets
}

func (t *target) resolve(ctx context.Context, opts Options, mount cgroup.Mount) error {
	var err error
	switch t.Kind {
	case Cgroup:
		t.path = cgroupPath(mount, t.Text)
		if _, err = os.Stat(filepath.Join(mount.Path, t.path)); errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s: %w below %s: check the path", t, fs.ErrNotExist, mount.Path)
		}
	case PID:
		t.path, err = pathOfPID(mount, t.Number)
	case Container, Pod, Labelled:
		err = t.resolveContainers(ctx, opts)
	}
	return err
}

// resolveContainers asks the engines. What they do not know is looked for by its cgroup, if it is named by its ID; but who
// named the engines to ask does not mean a container that they do not know.
func (t *target) resolveContainers(ctx context.Context, opts Options) error {
	list, err := t.ask(ctx, opts.Engines)
	for _, c := range list {
		if !c.Sandbox && engine.MatchLabels(&c, t.Labels) {
			t.containers[c.ID] = &c
		}
	}
	t.byID = t.Kind == Container && len(t.Labels) == 0 && len(list) == 0 && !(opts.EnginesNamed && errors.Is(err, engine.ErrNotFound))
	switch {
	case len(t.containers) > 0:
		return nil // what an engine that is silent knows is not missed for this one
	case err == nil && len(t.Labels) == 0:
		return fmt.Errorf("%s: %w but the sandbox of a pod, which runs nothing of yours: name a container of that pod", t, engine.ErrNotFound)
	case err == nil:
		return fmt.Errorf("%s: %w has these labels: check them with the engine's own list", t, engine.ErrNotFound)
	}
	return err
}

func (t *target) ask(ctx context.Context, engines Engines) ([]engine.Container, error) {
	if engines == nil {
		return nil, fmt.Errorf("%s: no container engine was found: start it, or name its socket with --runtime-endpoint", t)
	}
	switch t.Kind {
	case Container:
		return engines.Find(ctx, t.Text)
	case Pod:
		parts := append(strings.Split(t.Text, "/"), "")
		return engines.FindPod(ctx, parts[0], parts[1], parts[2])
	default:
		return engines.FindLabels(ctx, t.Labels)
	}
}

// cgroupPath takes a path below the mount, or the directory itself.
func cgroupPath(mount cgroup.Mount, text string) string {
	clean := filepath.Clean("/" + text)
	if within(clean, mount.Path) {
		if path := strings.TrimPrefix(clean, mount.Path); path != "" {
			return path
		}
		return "/"
	}
	return clean
}

func pathOfPID(mount cgroup.Mount, pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return "", fmt.Errorf("pid %d: no such process: look for it with ps", pid)
	}
	if err != nil {
		return "", fmt.Errorf("finding the cgroup of pid %d: %w: run as root", pid, err)
	}
	return mount.ParseOwn(string(text)), nil
}

// warnIfShared tells of processes that are recorded though they are not asked for.
func (t *target) warnIfShared(mount cgroup.Mount, warn func(string, ...any)) {
	if t.Kind != PID || t.failed != nil {
		return
	}
	c := cgroup.Cgroup{Mount: mount, Path: t.path}
	pids, err := c.Procs()
	if err != nil {
		return
	}
	others := 0
	for _, pid := range pids {
		if !descendsFrom(pid, t.Number) {
			others++
		}
	}
	if others > 0 {
		warn("pid %d: its cgroup %s holds other processes, too, that are not below it (%d): they are recorded with it; start it in a cgroup of its own to tell them apart", t.Number, t.path, others)
	}
}
