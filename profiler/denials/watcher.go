package denials

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/scallop-sec/scallop/bpf/denials"
	"github.com/scallop-sec/scallop/profiler"
)

// Watcher is the programs and maps in the kernel.
type Watcher struct {
	objects *ebpf.Collection
	probe   string
	links   []link.Link
}

// Open loads everything into the kernel; nothing is attached yet.
func Open(opts Options) (*Watcher, error) {
	objects, probe, err := loadAny(opts)
	if err != nil {
		return nil, err
	}
	w := &Watcher{objects: objects, probe: probe}
	if err := w.putJudges(opts.Judges); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// Start attaches everything, or nothing. What is denied to tasks that are born later is seen from their first
// call on; tasks that are inside a call now are known from their next one on.
func (w *Watcher) Start() error {
	for _, tracepoint := range tracepoints {
		l, err := attach(w.objects, tracepoint, w.probe)
		if err != nil {
			w.detach()
			return &profiler.HostError{
				Doing: fmt.Sprintf("attaching to tracepoint %s as %s", tracepoint, w.probe),
				Err:   err,
				Next:  profiler.AskDoctor,
			}
		}
		w.links = append(w.links, l)
	}
	return nil
}

// Watch looks at the cgroup, and at those that are made below it from now on, as workload number.
func (w *Watcher) Watch(cgroupID uint64, number int) error {
	if err := w.objects.Maps[denials.DenialsMapWatched].Put(cgroupID, uint32(number)); err != nil {
		return fmt.Errorf("watching cgroup %d for denials: %w: watch fewer cgroups at a time", cgroupID, err)
	}
	return nil
}

// Snapshot reads everything so far.
func (w *Watcher) Snapshot() (*Snapshot, error) {
	s := &Snapshot{Losses: map[string]uint64{}}
	var key denials.DenialsDenialKey
	var value denials.DenialsDenial
	entries := w.objects.Maps[denials.DenialsMapDenials].Iterate()
	for entries.Next(&key, &value) {
		s.Denials = append(s.Denials, denialOf(key, value))
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("reading what was denied: %w", err)
	}
	sortDenials(s.Denials)
	if err := w.readJudged(s); err != nil {
		return nil, err
	}
	return s, w.readLosses(s)
}

func (w *Watcher) readLosses(s *Snapshot) error {
	for reason, name := range lossNames {
		var n uint64
		if err := w.objects.Maps[denials.DenialsMapLosses].Lookup(uint32(reason), &n); err != nil {
			return fmt.Errorf("reading what was not seen: %w", err)
		}
		s.Losses[name] = n
	}
	for name, program := range w.objects.Programs {
		stats, err := program.Stats()
		if err != nil {
			return fmt.Errorf("asking how many runs of %s were skipped: %w", name, err)
		}
		s.Losses[LossMissed] += stats.RecursionMisses
	}
	return nil
}

// Close detaches and frees everything in the kernel. It may be called twice.
func (w *Watcher) Close() {
	w.detach()
	w.objects.Close()
}

func (w *Watcher) detach() {
	for i := len(w.links) - 1; i >= 0; i-- {
		w.links[i].Close()
	}
	w.links = nil
}
