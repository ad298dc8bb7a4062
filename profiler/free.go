package profiler

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/bpf"
	"github.com/scallop-sec/scallop/profiler/cgroup"
)

// Ignore stops recording workloads whose tasks may run on. Births below them are watched as
// before. Free them when no program can be at work on them any more: after FreeDelay.
func (r *Recorder) Ignore(workloads ...int) error {
	members, err := r.members(workloads)
	if err != nil {
		return err
	}
	for id, member := range members {
		ignored := member | noWorkload
		err := r.objects.update(r.objects.maps.Cgroups, id, ignored, ebpf.UpdateExist)
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("no longer recording cgroup %d: %w", id, err)
		}
		atomic.CompareAndSwapUint64(&r.bucket(id).Child, id<<16|uint64(member&bpf.ScallopWorkloadMask), 0)
	}
	for _, w := range workloads {
		r.leaveIndex(w)
	}
	return nil
}

// members are the cgroups of workloads with their values.
func (r *Recorder) members(workloads []int) (map[uint64]uint32, error) {
	members := map[uint64]uint32{}
	if len(workloads) == 0 {
		return members, nil
	}
	err := readAll(r.objects, r.objects.maps.Cgroups, func(id uint64, member uint32) {
		if slices.Contains(workloads, int(member&bpf.ScallopWorkloadMask)) {
			members[id] = member
		}
	})
	if err != nil {
		return nil, fmt.Errorf("reading the cgroups of %d workloads: %w", len(workloads), err)
	}
	return members, nil
}

// leaveIndex takes what Join put there.
func (r *Recorder) leaveIndex(w int) {
	for _, id := range r.joined[w] {
		bucket := r.bucket(id)
		if !atomic.CompareAndSwapUint64(&bucket.Root, id<<16|uint64(w), 0) {
			atomic.AddUint32(&bucket.RootOverflow, ^uint32(0))
		}
	}
	delete(r.joined, w)
}

// Free gives everything that ended workloads hold back to the kernel side. Their cgroups are gone, or
// ignored since FreeDelay.
func (r *Recorder) Free(workloads []int) error {
	if len(workloads) == 0 {
		return nil
	}
	for _, w := range workloads {
		r.leaveIndex(w)
		losses := r.lossRow(w)
		clear(losses)
		r.workloads[w] = bpf.ScallopWorkload{}
		r.births[w] = bpf.ScallopBirth{}
	}
	set := make(map[int]bool, len(workloads))
	for _, w := range workloads {
		set[w] = true
	}
	m := &r.objects.maps
	err := errors.Join(
		r.freeCalls(set),
		deleteFrom(r.objects, m.Exes, func(k bpf.ScallopExeKey, _ bpf.ScallopExe) bool { return set[int(k.Workload)] }),
		// Of processes that never joined, or that live on: who has the number next knows nothing of them.
		deleteFrom(r.objects, m.Entrants, func(_ uint32, e bpf.ScallopEntrant) bool { return set[int(e.Workload)] }),
		deleteFrom(r.objects, m.Settled, func(_ uint32, w uint32) bool { return set[int(w)] }),
	)
	if err != nil {
		return fmt.Errorf("freeing %d workloads: %w", len(workloads), err)
	}
	for _, w := range workloads {
		if err := r.objects.push(m.FreeWorkloads, uint32(w)); err != nil {
			return fmt.Errorf("freeing workload %d: %w", w, err)
		}
	}
	return nil
}

func (r *Recorder) freeCalls(ended map[int]bool) error {
	slots := map[bpf.ScallopCallKey]uint32{}
	err := readAll(r.objects, r.objects.maps.Calls, func(k bpf.ScallopCallKey, v bpf.ScallopFirstCall) {
		if ended[int(k.Workload)] {
			slots[k] = v.Slot
		}
	})
	for k, slot := range slots {
		if err := r.objects.remove(r.objects.maps.Calls, k); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return err
		}
		for cpu := range r.cpus {
			atomic.StoreUint64(&r.counts[cpu*r.sizes.slotsPerCPU()+int(slot)], 0)
		}
		if err := r.objects.push(r.objects.maps.FreeSlots, slot); err != nil {
			return err
		}
	}
	return err
}

// Exists tells whether a cgroup that is recorded or watched is still there.
func (r *Recorder) Exists(cgroupID uint64) bool {
	var member uint32
	return r.objects.lookup(r.objects.maps.Cgroups, cgroupID, &member) == nil
}

// Strays are processes that were about to join a workload and are not in it: their move is
// going on, or was refused.
type Strays map[uint32]bool

// Entrants are processes that joined workloads and have made a call there, but no execve yet: process ID → workload.
type Entrants map[int]int

// SweepEntrants forgets processes that were about to join a workload and did not: those that are gone, and
// those that are strays for the second time. It returns the strays for the next sweep, which must be later than
// any move takes, and those that did join.
func (r *Recorder) SweepEntrants(before Strays) (Strays, Entrants, error) {
	all := map[uint32]bpf.ScallopEntrant{}
	err := readAll(r.objects, r.objects.maps.Entrants, func(pid uint32, e bpf.ScallopEntrant) { all[pid] = e })
	if err != nil {
		return nil, nil, fmt.Errorf("reading the processes that are about to join: %w", err)
	}
	strays, inside := Strays{}, Entrants{}
	for pid, e := range all {
		switch {
		case errors.Is(unix.Kill(int(pid), 0), unix.ESRCH):
			r.forgetEntrant(pid)
		case r.isIn(pid, e.Workload):
			if e.Called != 0 {
				inside[int(pid)] = int(e.Workload)
			}
		case before[pid]:
			r.forgetEntrant(pid)
		default:
			strays[pid] = true
		}
	}
	return strays, inside, nil
}

func (r *Recorder) forgetEntrant(pid uint32) {
	var e bpf.ScallopEntrant
	// One after the other: hash maps do both at once from Linux 5.14 on. The kernel side may be faster.
	entrants := r.objects.maps.Entrants
	if r.objects.lookup(entrants, pid, &e) != nil || r.objects.remove(entrants, pid) != nil {
		return
	}
	if int(e.Workload) < len(r.workloads) {
		atomic.AddUint32(&r.workloads[e.Workload].Entrants, ^uint32(0))
	}
}

// isIn tells whether a process is in a cgroup of workload w. What cannot be found out counts as yes.
func (r *Recorder) isIn(pid, w uint32) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return true // it has just ended: the next sweep will see
	}
	id, err := cgroup.ID(filepath.Join(r.mount.Path, r.mount.ParseOwn(string(text))))
	if err != nil {
		return true
	}
	var member uint32
	return r.objects.lookup(r.objects.maps.Cgroups, id, &member) == nil && member&bpf.ScallopWorkloadMask == w
}
