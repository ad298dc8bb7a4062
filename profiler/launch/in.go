package launch

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/confine"
)

// In starts a command that was not started yet in a cgroup. ExtraFiles of the command are for the helper, where there is one.
func In(c *cgroup.Cgroup, cmd *exec.Cmd) error { return in(Options{Cgroup: c}, cmd) }

// in starts a command in a cgroup, under the filter if that is not nil. In cgroup2 the child is born there, by clone3 with
// CLONE_INTO_CGROUP (Linux 5.7). v1 has no such thing: there a helper of scallop's is moved in while it waits to be told what to
// execute.
func in(opts Options, cmd *exec.Cmd) error {
	c, filter := opts.Cgroup, opts.Filter
	moved := c.Mount.Controller != ""
	if !moved {
		dir, err := os.Open(c.Dir())
		if err != nil {
			return fmt.Errorf("opening the workload's cgroup: %w", err)
		}
		defer dir.Close()
		bear(cmd, dir)
	}
	if filter == nil && !moved {
		return cmd.Start()
	}
	if filter == nil {
		filter = &confine.Filter{}
	}
	handover, err := confine.Prepare(cmd, filter)
	if err != nil {
		return err
	}
	defer handover.Close()
	if err := cmd.Start(); err != nil {
		return err
	}
	err = handover.Await(func() error {
		if !moved {
			return nil
		}
		return enter(opts, cmd.Process.Pid)
	})
	if err != nil {
		_ = cmd.Process.Kill() // where it was not given its request, it waits for it
		_ = cmd.Wait()         // it tells no more than err
	}
	return err
}

// enter moves a process in.
func enter(opts Options, pid int) error {
	if opts.Entering != nil {
		if err := opts.Entering(pid); err != nil {
			return err
		}
	}
	return opts.Cgroup.Put(pid)
}

// bear has the child born in the cgroup whose directory is open.
func bear(cmd *exec.Cmd, dir *os.File) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(dir.Fd())
}
