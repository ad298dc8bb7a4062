package profiler

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"github.com/scallop-sec/scallop/bpf"
)

// Members are the maps by which another kernel side tells which workload and phase a task belongs to, and to which it adds
// the paths of executables, by their names in the C code. They belong to the recorder, whose programs keep
// them true.
func (r *Recorder) Members() map[string]*ebpf.Map {
	m := &r.objects.maps
	return map[string]*ebpf.Map{
		bpf.ScallopMapWorkloads:   m.Workloads,
		bpf.ScallopMapCgroupIndex: m.CgroupIndex,
		bpf.ScallopMapCgroups:     m.Cgroups,
		bpf.ScallopMapEntrants:    m.Entrants,
		bpf.ScallopMapExes:        m.Exes,
	}
}

// MemberConstants are those of the C code that belong to Members, by name.
func (r *Recorder) MemberConstants() map[string]any {
	values := r.hierarchy.constants()
	values[bpf.ScallopVarCgroupMask] = uint32(len(r.index) - 1)
	return values
}

// Exes are the paths of executables, by workload.
func (r *Recorder) Exes() (map[int]map[ExeID]string, error) {
	all := map[int]map[ExeID]string{}
	err := readAll(r.objects, r.objects.maps.Exes, func(k bpf.ScallopExeKey, v bpf.ScallopExe) {
		w := int(k.Workload)
		if all[w] == nil {
			all[w] = map[ExeID]string{}
		}
		all[w][ExeID{k.Inode, k.Device}] = exePath(v.Path[:min(int(v.Length), len(v.Path))])
	})
	if err != nil {
		return nil, fmt.Errorf("reading the paths of executables: %w", err)
	}
	return all, nil
}

// ExplainLoad adds what this process and host lack to what the kernel said when it refused BPF programs. Types are those of Options.
func ExplainLoad(err error, types *btf.Spec) error { return loadError(err, types) }

// OnMap does one bpf(2) operation on a map of what looks beside it: it must not keep this recorder from counting, either.
func (r *Recorder) OnMap(operate func() error) error { return r.objects.onMap(operate) }
