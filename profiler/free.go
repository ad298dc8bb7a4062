package profiler

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/bpf"
)

// Ignore stops recording workload w, whose tasks may run on. Births below it are watched as
// before. Free it when no program can be at work on it any more: after FreeDelay.
func (r *Recorder) Ignore(w int) error {
	members, err := r.members(w)
	if err != nil {
		return err
	}
	for id, member := range members {
		ignored := member | noWorkload
		err := r.objects.maps.Cgroups.Update(id, ignored, ebpf.UpdateExist)
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("no longer recording cgroup %d: %w", id, err)
		}
		atomic.CompareAndSwapUint64(&r.bucket(id).Child, id<<16|uint64(w), 0)
	}
	r.leaveIndex(w)
	return nil
}

// members are the cgroups of workload w with their values.
func (r *Recorder) members(w int) (map[uint64]uint32, error) {
	members := map[uint64]uint32{}
	err := readAll(r.objects.maps.Cgroups, func(id uint64, member uint32) {
		if int(member&bpf.ScallopWorkloadMask) == w {
			members[id] = member
		}
	})
	if err != nil {
		return nil, fmt.Errorf("reading the cgroups of workload %d: %w", w, err)
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
	ended := func(w int) bool { return slices.Contains(workloads, w) }
	err := errors.Join(r.freeCalls(ended), r.freeExes(ended))
	if err != nil {
		return fmt.Errorf("freeing %d workloads: %w", len(workloads), err)
	}
	for _, w := range workloads {
		if err := r.objects.maps.FreeWorkloads.Put(nil, uint32(w)); err != nil {
			return fmt.Errorf("freeing workload %d: %w", w, err)
		}
	}
	return nil
}

func (r *Recorder) freeCalls(ended func(int) bool) error {
	slots := map[bpf.ScallopCallKey]uint32{}
	err := readAll(r.objects.maps.Calls, func(k bpf.ScallopCallKey, v bpf.ScallopFirstCall) {
		if ended(int(k.Workload)) {
			slots[k] = v.Slot
		}
	})
	for k, slot := range slots {
		if err := r.objects.maps.Calls.Delete(k); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return err
		}
		for cpu := range r.cpus {
			atomic.StoreUint64(&r.counts[cpu*r.sizes.slotsPerCPU()+int(slot)], 0)
		}
		if err := r.objects.maps.FreeSlots.Put(nil, slot); err != nil {
			return err
		}
	}
	return err
}

func (r *Recorder) freeExes(ended func(int) bool) error {
	var keys []bpf.ScallopExeKey
	err := readAll(r.objects.maps.Exes, func(k bpf.ScallopExeKey, _ bpf.ScallopExe) {
		if ended(int(k.Workload)) {
			keys = append(keys, k)
		}
	})
	for _, k := range keys {
		if err := r.objects.maps.Exes.Delete(k); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return err
		}
	}
	return err
}

// Exists tells whether a cgroup that is recorded or watched is still there.
func (r *Recorder) Exists(cgroupID uint64) bool {
	var member uint32
	return r.objects.maps.Cgroups.Lookup(cgroupID, &member) == nil
}

// SweepEntrants forgets processes that were about to join a workload, did not, and are gone.
func (r *Recorder) SweepEntrants() error {
	var gone []uint32
	err := readAll(r.objects.maps.Entrants, func(pid uint32, e bpf.ScallopEntrant) {
		if errors.Is(unix.Kill(int(pid), 0), unix.ESRCH) {
			gone = append(gone, pid)
		}
	})
	for _, pid := range gone {
		var e bpf.ScallopEntrant
		if r.objects.maps.Entrants.LookupAndDelete(pid, &e) == nil && int(e.Workload) < len(r.workloads) {
			atomic.AddUint32(&r.workloads[e.Workload].Entrants, ^uint32(0))
		}
	}
	return err
}
