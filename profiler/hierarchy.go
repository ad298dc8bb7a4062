package profiler

import (
	"fmt"

	"github.com/cilium/ebpf/btf"

	"github.com/scallop-sec/scallop/bpf"
	"github.com/scallop-sec/scallop/profiler/cgroup"
)

// hierarchy is what the kernel side has to know of the cgroups that tell workloads apart: zero for cgroup2.
type hierarchy struct {
	number     uint32 // as in /proc/PID/cgroup
	controller uint32 // of v1: value of enum cgroup_subsys_id, plus one
}

// findHierarchy asks the kernel's types which number a v1 controller has: it depends on the kernel's configuration.
func findHierarchy(m cgroup.Mount, types *btf.Spec) (hierarchy, error) {
	if m.Controller == "" {
		return hierarchy{}, nil
	}
	number, err := m.Hierarchy()
	if err != nil {
		return hierarchy{}, err
	}
	if types == nil {
		if types, err = btf.LoadKernelSpec(); err != nil {
			return hierarchy{}, fmt.Errorf("reading the kernel's types: %w", err)
		}
	}
	controller, err := controllerNumber(types, m.Controller)
	return hierarchy{number: number, controller: controller + 1}, err
}

// controllerNumber is the place of a controller's state in a css_set.
func controllerNumber(types *btf.Spec, name string) (uint32, error) {
	var ids *btf.Enum
	if err := types.TypeByName("cgroup_subsys_id", &ids); err != nil {
		return 0, fmt.Errorf("looking for cgroup controllers in the kernel's types: %w", err)
	}
	if name == "blkio" {
		name = "io" // its name since Linux 4.5, but for v1
	}
	for _, v := range ids.Values {
		if v.Name == name+"_cgrp_id" {
			return uint32(v.Value), nil
		}
	}
	return 0, fmt.Errorf("looking for cgroup controllers in the kernel's types: there is no %s_cgrp_id: please report it with the output of `scallop doctor`", name)
}

// constants are the C code's, by name.
func (h hierarchy) constants() map[string]any {
	return map[string]any{
		bpf.ScallopVarHierarchy:  h.number,
		bpf.ScallopVarController: h.controller,
	}
}
