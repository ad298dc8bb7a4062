package cgroup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// controllers are those of v1 whose hierarchy can tell workloads apart, the best first. systemd gives every unit a cgroup of
// pids and memory by default (TasksAccounting, MemoryAccounting) and container engines make theirs in all. cpuset is the last:
// nobody can be put into a new cgroup of it before its CPUs are set. A hierarchy without a controller (name=systemd) leaves
// no pointer in a task by which BPF could find it.
var controllers = []string{
	"pids", "memory", "devices", "cpu", "cpuacct", "freezer", "blkio", "net_cls", "perf_event", "net_prio", "hugetlb", "rdma", "misc", "cpuset",
}

// controllerOf a hierarchy that is mounted with these options; empty if it has none. Where cpuset is one of several, it is that.
func controllerOf(options []string) string {
	if slices.Contains(options, "cpuset") {
		return "cpuset"
	}
	for _, name := range controllers {
		if slices.Contains(options, name) {
			return name
		}
	}
	return ""
}

// mountV1 takes the hierarchy of the best controller.
func mountV1(shown map[string]*shown) (Mount, error) {
	for _, name := range controllers {
		if at := shown[name]; at != nil && at.point() != "" {
			return Mount{Path: at.point(), Layout: V1, Controller: name}, nil
		}
	}
	return Mount{Layout: V1}, ErrNoMount
}

// Put moves a process into the cgroup. The kernel side sees it as one that comes from outside.
func (c *Cgroup) Put(pid int) error {
	// Not os.WriteFile: it would try to create the file, which is another error.
	procs, err := os.OpenFile(filepath.Join(c.Dir(), procsFile), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("moving process %d into cgroup %s: %w: run as root", pid, c.Path, err)
	}
	defer procs.Close()
	if _, err := procs.WriteString(strconv.Itoa(pid)); err != nil {
		return fmt.Errorf("moving process %d into cgroup %s: %w: do the limits of scallop's own cgroup allow it?", pid, c.Path, err)
	}
	return nil
}

// populatedV1 looks for processes: v1 has no cgroup.events.
func (c *Cgroup) populatedV1() (bool, error) {
	pids, err := c.Procs()
	if err != nil {
		return false, fmt.Errorf("asking whether cgroup %s is empty: %w", c.Path, err)
	}
	return len(pids) > 0, nil
}

// lookV1 is how often a v1 hierarchy is asked, which does not notify.
const lookV1 = 10 * time.Millisecond

// waitEmptyV1 wants the cgroup and those below it empty twice in a row: a process that goes from one that is not looked at yet
// to one that is looked at already is missed once.
func (c *Cgroup) waitEmptyV1(ctx context.Context) error {
	looks := time.NewTicker(lookV1)
	defer looks.Stop()
	for empty := 0; ; {
		populated, err := c.populatedV1()
		if err != nil {
			return err
		}
		empty++
		if populated {
			empty = 0
		}
		if empty == 2 {
			return nil
		}
		select {
		case <-looks.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
