package profiler

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/bpf"
	"github.com/scallop-sec/scallop/profiler/cgroup"
)

// noWorkload is the number in `cgroups` of what is watched for births only.
const noWorkload = bpf.ScallopNoWorkload

// ErrNoRoom is returned when the recorder cannot take another workload.
var ErrNoRoom = errors.New("there is no room for another workload: record fewer, or allow more with --max-workloads")

// ErrKnown is returned for a cgroup that belongs to a workload already.
var ErrKnown = errors.New("the cgroup is being recorded already")

// WorkloadOptions of a workload that was there before, or that scallop starts itself.
type WorkloadOptions struct {
	CgroupID    uint64
	Class       cgroup.Class     // what is born below it: Whole takes all
	Phase       PhaseID          // of its own processes, to begin with
	StopSignals []syscall.Signal // to its leader: begin shutdown
	Leader      int              // process ID in the initial namespace, 0: the first to make an execve
}

// AddWorkload records the cgroup, and what is born below it from now on, and returns the
// workload's number. ErrKnown: the kernel side was faster, since the cgroup's parent is watched.
func (r *Recorder) AddWorkload(opts WorkloadOptions) (int, error) {
	var number uint32
	if err := r.objects.pop(r.objects.maps.FreeWorkloads, &number); err != nil {
		return 0, ErrNoRoom
	}
	w := &r.workloads[number]
	atomic.StoreUint32(&w.Phase, uint32(opts.Phase))
	w.Leader = uint32(opts.Leader)
	w.StopSignals = signalMask(opts.StopSignals)
	w.Root = opts.CgroupID
	if err := r.Join(int(number), opts.CgroupID, opts.Class); err != nil {
		*w = bpf.ScallopWorkload{}
		return 0, errors.Join(err, r.objects.push(r.objects.maps.FreeWorkloads, number))
	}
	return int(number), nil
}

// Join counts a cgroup that was there before into workload w.
func (r *Recorder) Join(w int, id uint64, class cgroup.Class) error {
	if err := r.putMember(id, uint32(w), class); err != nil {
		return err
	}
	bucket := r.bucket(id)
	if bucket.Root != 0 || id>>48 != 0 {
		atomic.AddUint32(&bucket.RootOverflow, 1)
	} else {
		atomic.StoreUint64(&bucket.Root, id<<16|uint64(w))
	}
	r.joined[w] = append(r.joined[w], id)
	return nil
}

// Enter takes a process that is in workload w already for a container runtime's, until its execve.
func (r *Recorder) Enter(w, pid int) error {
	entrant := bpf.ScallopEntrant{Workload: uint32(w)}
	if info, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid)); err == nil {
		entrant.ExeSize = uint64(info.Size())
	}
	atomic.AddUint32(&r.workloads[w].Entrants, 1)
	err := r.objects.update(r.objects.maps.Entrants, uint32(pid), entrant, ebpf.UpdateNoExist)
	if err == nil {
		return nil
	}
	atomic.AddUint32(&r.workloads[w].Entrants, ^uint32(0))
	if errors.Is(err, ebpf.ErrKeyExist) {
		return nil
	}
	return fmt.Errorf("taking process %d for the container runtime's: %w", pid, err)
}

// Widen makes a recorded cgroup one of class Whole, for what is born below it from now on. One that is gone by
// then is no mistake.
func (r *Recorder) Widen(id uint64) error {
	var member uint32
	err := r.objects.lookup(r.objects.maps.Cgroups, id, &member)
	if err == nil {
		err = r.objects.update(r.objects.maps.Cgroups, id, member|uint32(cgroup.Whole)<<bpf.ScallopClassShift, ebpf.UpdateExist)
	}
	if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("recording all below cgroup %d: %w", id, err)
	}
	return nil
}

// Follow watches a cgroup for births below it, without recording it itself.
func (r *Recorder) Follow(id uint64, class cgroup.Class) error {
	return r.putMember(id, noWorkload, class)
}

func (r *Recorder) putMember(id uint64, w uint32, class cgroup.Class) error {
	member := w | uint32(class)<<bpf.ScallopClassShift
	err := r.objects.update(r.objects.maps.Cgroups, id, member, ebpf.UpdateNoExist)
	if errors.Is(err, ebpf.ErrKeyExist) {
		return ErrKnown
	}
	if err != nil {
		return fmt.Errorf("recording cgroup %d: %w: record fewer cgroups at a time", id, err)
	}
	return nil
}

func (r *Recorder) bucket(id uint64) *bpf.ScallopCgroupBucket {
	return &r.index[id&uint64(len(r.index)-1)]
}

// Birth is a workload that the kernel side began when its cgroup was made.
type Birth struct {
	CgroupID uint64
	Time     int64  // as Now
	Path     string // of the cgroup, from the root of the hierarchy; raw bytes
	Class    cgroup.Class
}

// Birth returns how workload w was born; false if it was not.
func (r *Recorder) Birth(w int) (Birth, bool) {
	b := &r.births[w]
	id := atomic.LoadUint64(&b.Cgroup)
	if id == 0 {
		return Birth{}, false
	}
	path := b.Path[:min(int(b.Length), len(b.Path))]
	return Birth{CgroupID: id, Time: int64(b.Time), Path: unix.ByteSliceToString(path), Class: cgroup.Class(b.Class)}, true
}

// MaxWorkloads is how many there is room for.
func (r *Recorder) MaxWorkloads() int { return len(r.workloads) }

// SetStopSignals replaces the signals that begin shutdown.
func (r *Recorder) SetStopSignals(w int, signals []syscall.Signal) {
	atomic.StoreUint64(&r.workloads[w].StopSignals, signalMask(signals))
}

func signalMask(signals []syscall.Signal) uint64 {
	var mask uint64
	for _, s := range signals {
		if s >= 1 && s <= 64 {
			mask |= 1 << (s - 1)
		}
	}
	return mask
}

// Phase is the current phase of the workload's own processes.
func (r *Recorder) Phase(w int) PhaseID {
	return PhaseID(atomic.LoadUint32(&r.workloads[w].Phase))
}

// Turn begins phase `to`, unless the workload is not in `from` any more: the
// kernel turns phases, too.
func (r *Recorder) Turn(w int, from, to PhaseID) bool {
	return atomic.CompareAndSwapUint32(&r.workloads[w].Phase, uint32(from), uint32(to))
}

// LastNew is the time (Now) of the latest call that was seen for the first time
// in its phase; 0 before the first one.
func (r *Recorder) LastNew(w int) int64 {
	return int64(atomic.LoadUint64(&r.workloads[w].LastNew))
}
