package profiler

import (
	"sync/atomic"

	"github.com/cilium/ebpf"

	"github.com/scallop-sec/scallop/bpf"
	"github.com/scallop-sec/scallop/profiler/cgroup"
)

// Entrants is how many processes the kernel side takes for a runtime's in workload w.
func (r *Recorder) Entrants(w int) int {
	return int(int32(atomic.LoadUint32(&r.workloads[w].Entrants)))
}

// Member is what the kernel side knows of a cgroup.
func (r *Recorder) Member(id uint64) (workload int, class cgroup.Class, ok bool) {
	var member uint32
	if r.objects.maps.Cgroups.Lookup(id, &member) != nil {
		return 0, 0, false
	}
	return int(member & bpf.ScallopWorkloadMask), cgroup.Class(member >> bpf.ScallopClassShift & 3), true
}

// NoWorkload is the number of what is watched for births only.
const NoWorkload = noWorkload

// Held is what takes room in the kernel's maps, by map.
func (r *Recorder) Held() (map[string]int, error) {
	held := map[string]int{}
	for name, m := range map[string]*ebpf.Map{
		"calls": r.objects.maps.Calls, "exes": r.objects.maps.Exes, "cgroups": r.objects.maps.Cgroups, "entrants": r.objects.maps.Entrants,
		"settled": r.objects.maps.Settled,
	} {
		keys, n := m.Iterate(), 0
		key, value := make([]byte, m.KeySize()), make([]byte, m.ValueSize())
		for keys.Next(&key, &value) {
			n++
		}
		if err := keys.Err(); err != nil {
			return nil, err
		}
		held[name] = n
	}
	return held, nil
}
