package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/cgroup"
)

// manyWorkloads is the number of cgroups of the row that records many.
const manyWorkloads = 1000

// group is one cgroup made for the measurement.
type group struct {
	name string
	id   uint64
}

// bench is what all rows share: cgroups, and children that wait in them.
type bench struct {
	top    *cgroup.Cgroup
	groups []group // loop, ping, pong, then others
	cpu    int     // where the children are pinned
	loop   *child
	ping   *child
	pong   *child

	filtered *child // in the loop's group
}

// Indices into bench.groups.
const (
	groupLoop = iota
	groupPing
	groupPong
	groupOther
)

// newBench is whole or not at all.
func newBench() (*bench, error) {
	mount, err := cgroup.FindMount()
	if err != nil {
		return nil, err
	}
	top, err := cgroup.Create(mount, fmt.Sprintf("scallop-ladder-%d", os.Getpid()))
	if err != nil {
		return nil, err
	}
	b := &bench{top: top}
	if err := b.prepare(); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bench) prepare() error {
	for i := range manyWorkloads {
		name := fmt.Sprintf("w%d", i)
		if err := os.Mkdir(b.dir(name), 0o755); err != nil {
			return fmt.Errorf("making cgroups to record: %w", err)
		}
		id, err := cgroup.ID(b.dir(name))
		if err != nil {
			return err
		}
		b.groups = append(b.groups, group{name, id})
	}
	return b.chooseCPU()
}

// renew starts fresh children in other cgroups. Where the kernel places their
// structures costs or saves some nanoseconds: every round draws anew.
func (b *bench) renew() error {
	if err := b.stopChildren(); err != nil {
		return err
	}
	b.groups = append(b.groups[groupOther:], b.groups[:groupOther]...)
	return b.startChildren()
}

func (b *bench) dir(name string) string { return filepath.Join(b.top.Dir(), name) }

// chooseCPU keeps one CPU for the children, if there are two.
func (b *bench) chooseCPU() error {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return fmt.Errorf("asking for the CPUs to run on: %w", err)
	}
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			b.cpu = cpu
		}
	}
	return nil
}

func (b *bench) startChildren() error {
	var err error
	if b.loop, err = b.start(nil, loopGetppid, groupLoop); err != nil {
		return err
	}
	if b.filtered, err = b.start(nil, loopFiltered, groupLoop); err != nil {
		return err
	}
	toPong, fromPing, err := os.Pipe()
	if err != nil {
		return err
	}
	toPing, fromPong, err := os.Pipe()
	if err != nil {
		return err
	}
	if b.ping, err = b.start(nil, loopPing, groupPing, toPing, fromPing); err != nil {
		return err
	}
	if b.pong, err = b.start(nil, loopPong, groupPong, toPong, fromPong); err != nil {
		return err
	}
	for _, f := range []*os.File{toPong, fromPing, toPing, fromPong} {
		f.Close() // the children have their own
	}
	return nil
}

// start starts a child inside a group.
func (b *bench) start(wrapper []string, kind string, in int, files ...*os.File) (*child, error) {
	dir, err := os.Open(b.dir(b.groups[in].name))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return startChild(wrapper, kind, b.cpu, int(dir.Fd()), files...)
}

// close ends the children and removes the cgroups.
func (b *bench) close() error {
	return errors.Join(b.stopChildren(), b.top.Remove())
}

func (b *bench) stopChildren() error {
	var err error
	for _, c := range []**child{&b.loop, &b.ping, &b.pong, &b.filtered} {
		if *c != nil {
			err = errors.Join(err, (*c).stop())
		}
		*c = nil
	}
	return err
}
