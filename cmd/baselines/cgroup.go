package main

import (
	"fmt"
	"os"

	"github.com/scallop-sec/scallop/profiler/cgroup"
)

// parentCgroup holds all containers of one measurement. It is below the root, where no
// limits of the caller's hold: a runtime may want to switch on controllers.
type parentCgroup struct {
	cgroup.Cgroup
}

func newParentCgroup() (*parentCgroup, error) {
	mount, err := cgroup.FindMount()
	if err != nil {
		return nil, err
	}
	p := &parentCgroup{cgroup.Cgroup{Mount: mount, Path: fmt.Sprintf("/scallop-baselines-%d", os.Getpid())}}
	if err := os.Mkdir(p.Dir(), 0o755); err != nil {
		return nil, fmt.Errorf("make a cgroup for the containers: %w: run as root, with the cgroup2 file system mounted for writing", err)
	}
	return p, nil
}

// close ends what a start that failed may have left.
func (p *parentCgroup) close() {
	_ = p.Kill()
	_ = p.Remove() // what is still busy says nothing about the measurement
}
