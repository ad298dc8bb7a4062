package profiler

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cilium/ebpf"

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
	ABI   int // index into abiNames
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

// batch is the number of elements read from a map at a time. A bucket of the
// kernel's hash map must fit, or the read fails.
const batch = 512

// Snapshot reads all counters and evidence of workload w. The workload runs on
// meanwhile; a call of that time is in this snapshot or in the next.
func (r *Recorder) Snapshot(w int) (*Snapshot, error) {
	s := &Snapshot{Time: Now()}
	var err error
	if s.Calls, err = r.readCalls(w); err != nil {
		return nil, err
	}
	if s.Exes, err = r.readExes(); err != nil {
		return nil, err
	}
	if s.Losses, err = r.readLosses(w); err != nil {
		return nil, err
	}
	return s, nil
}

func (r *Recorder) readCalls(w int) ([]Call, error) {
	var calls []Call
	err := readAll(r.objects.maps.Calls, func(k bpf.ScallopCallKey, v bpf.ScallopFirstCall) {
		if int(k.Workload) != w {
			return
		}
		// Zero: its first call is just being made.
		if n := r.count(int(v.Slot)); n > 0 {
			calls = append(calls, newCall(k, v, n))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("reading the calls of workload %d: %w", w, err)
	}
	return calls, nil
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
			Comm: cString(v.Comm[:]),
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

func (r *Recorder) readExes() (map[ExeID]string, error) {
	exes := map[ExeID]string{}
	err := readAll(r.objects.maps.Exes, func(k bpf.ScallopExeKey, v bpf.ScallopExe) {
		exes[ExeID{k.Inode, k.Device}] = exePath(v.Path[:min(int(v.Length), len(v.Path))])
	})
	if err != nil {
		return nil, fmt.Errorf("reading the paths of executables: %w", err)
	}
	return exes, nil
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

func (r *Recorder) readLosses(w int) (map[string]uint64, error) {
	losses := make(map[string]uint64, len(kernelLosses)+2)
	for reason, name := range kernelLosses {
		losses[name] = atomic.LoadUint64(&r.losses[w*int(bpf.ScallopLossLOSSES)+int(reason)])
	}
	var err error
	losses[LossCallsMissed], losses[LossTurnsMissed], err = r.objects.missed()
	return losses, err
}

// readAll visits every element of a hash map, many at a time.
func readAll[K, V any](m *ebpf.Map, visit func(K, V)) error {
	var cursor ebpf.MapBatchCursor
	keys, values := make([]K, batch), make([]V, batch)
	for {
		n, err := m.BatchLookup(&cursor, keys, values, nil)
		for i := range n {
			visit(keys[i], values[i])
		}
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
