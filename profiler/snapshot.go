package profiler

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/bpf"
)

// Snapshot is what the kernel side knew of one workload at one moment. Counters only
// grow, so that a later snapshot holds all of an earlier one.
type Snapshot struct {
	Time   int64 // as Now
	Calls  []Call
	Exes   map[ExeID]string // paths
	Losses map[string]uint64
}

// Call is one (phase, ABI, number) of the workload.
type Call struct {
	Phase PhaseID
	ABI   int // see ABI
	Nr    int
	Count uint64
	First First
}

// First is who made the first call, and when.
type First struct {
	Time int64 // as Now
	PID  int
	TID  int
	Comm string // raw bytes
	Exe  ExeID
}

// ExeID tells executables apart.
type ExeID struct {
	Inode  uint64
	Device uint32
}

// Snapshot reads all counters and evidence of workload w. The workload runs on
// meanwhile; a call of that time is in this snapshot or in the next.
func (r *Recorder) Snapshot(w int) (*Snapshot, error) {
	all, err := r.Snapshots(func(other int) bool { return other == w })
	if err != nil {
		return nil, err
	}
	return r.snapshotOf(all, w), nil
}

// Snapshots reads those of many workloads at once. Workloads without any call are missing.
func (r *Recorder) Snapshots(wanted func(w int) bool) (map[int]*Snapshot, error) {
	all, err := r.Look(wanted)
	if err != nil {
		return nil, err
	}
	if err := r.readExes(all); err != nil {
		return nil, err
	}
	for w, s := range all {
		if err := r.readLosses(w, s); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// snapshotOf is the one of w, empty if it has made no call.
func (r *Recorder) snapshotOf(all map[int]*Snapshot, w int) *Snapshot {
	if s := all[w]; s != nil {
		return s
	}
	s := &Snapshot{Time: Now(), Exes: map[ExeID]string{}}
	_ = r.readLosses(w, s) // fails only where the one above does
	return s
}

// Look reads the counters only: snapshots without paths and losses.
func (r *Recorder) Look(wanted func(w int) bool) (map[int]*Snapshot, error) {
	all, now := map[int]*Snapshot{}, Now()
	err := readAll(r.objects, r.objects.maps.Calls, func(k bpf.ScallopCallKey, v bpf.ScallopFirstCall) {
		w := int(k.Workload)
		if !wanted(w) {
			return
		}
		// Zero: its first call is just being made.
		if n := r.count(int(v.Slot)); n > 0 {
			if all[w] == nil {
				all[w] = &Snapshot{Time: now, Exes: map[ExeID]string{}}
			}
			all[w].Calls = append(all[w].Calls, newCall(k, v, n))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("reading the calls: %w", err)
	}
	return all, nil
}

func newCall(k bpf.ScallopCallKey, v bpf.ScallopFirstCall, n uint64) Call {
	return Call{
		Phase: PhaseID(k.Phase),
		ABI:   int(k.Abi),
		Nr:    int(k.Nr),
		Count: n,
		First: First{
			Time: int64(v.Time),
			PID:  int(v.Tgid),
			TID:  int(v.Tid),
			Comm: unix.ByteSliceToString(v.Comm[:]),
			Exe:  ExeID{v.ExeInode, v.ExeDevice},
		},
	}
}

// count sums one counter over all CPUs.
func (r *Recorder) count(slot int) uint64 {
	var sum uint64
	per := r.sizes.slotsPerCPU()
	for cpu := range r.cpus {
		sum += atomic.LoadUint64(&r.counts[cpu*per+slot])
	}
	return sum
}

func (r *Recorder) readExes(all map[int]*Snapshot) error {
	exes, err := r.Exes()
	for w, s := range all {
		if paths := exes[w]; paths != nil {
			s.Exes = paths
		}
	}
	return err
}

// exePath turns "nginx\0sbin\0usr\0" into "/usr/sbin/nginx". What has no
// directory (memfd:…) stays as it is.
func exePath(walked []byte) string {
	walked = bytes.TrimRight(walked, "\x00")
	if len(walked) == 0 || bytes.HasPrefix(walked, []byte("memfd:")) {
		return string(walked)
	}
	names := strings.Split(string(walked), "\x00")
	slices.Reverse(names)
	return "/" + strings.Join(names, "/")
}

func (r *Recorder) readLosses(w int, s *Snapshot) error {
	s.Losses = lossesIn(r.lossRow(w))
	var err error
	s.Losses[LossCallsMissed], s.Losses[LossTurnsMissed], err = r.objects.missed()
	return err
}
