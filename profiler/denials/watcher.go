package denials

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"

	"github.com/scallop-sec/scallop/bpf/denials"
	"github.com/scallop-sec/scallop/profiler"
)

// Watcher is the programs and maps in the kernel.
type Watcher struct {
	recorder *profiler.Recorder
	objects  *ebpf.Collection
	probe    string
	links    []link.Link
	stacked  *ringbuf.Reader // nil without Options.Stacks
}

// Open loads everything into the kernel; nothing is attached yet.
func Open(opts Options) (*Watcher, error) {
	objects, probe, err := loadAny(opts)
	if err != nil {
		return nil, err
	}
	w := &Watcher{recorder: opts.Recorder, objects: objects, probe: probe}
	if err := w.putJudges(opts.Judges); err != nil {
		w.Close()
		return nil, err
	}
	if opts.Stacks {
		if w.stacked, err = ringbuf.NewReader(objects.Maps[denials.DenialsMapStacked]); err != nil {
			w.Close()
			return nil, fmt.Errorf("opening the ring buffer of stacks: %w", err)
		}
	}
	return w, nil
}

// Start attaches everything, or nothing. What is denied to tasks that are born later is seen from their first
// call on; tasks that are inside a call now are known from their next one on.
func (w *Watcher) Start() error {
	for _, tracepoint := range tracepoints(w.probe) {
		program := w.objects.Programs[programName(tracepoint, w.probe)]
		l, err := profiler.Attach(tracepoint, profiler.KindOf(tracepoint, w.probe), program)
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

// Seed finds out which of the workloads' tasks are inside a call now. What it cannot tell of a task that runs, the
// task's next call does, or LossUnsure. With Options.Types nothing can be told here.
func (w *Watcher) Seed() error {
	program := w.objects.Programs[seedProgram]
	if program == nil {
		return nil
	}
	visit, err := link.AttachIter(link.IterOptions{Program: program})
	if err != nil {
		return fmt.Errorf("visiting all tasks: %w", err)
	}
	defer visit.Close()
	tasks, err := visit.Open()
	if err != nil {
		return fmt.Errorf("visiting all tasks: %w", err)
	}
	defer tasks.Close()
	if _, err := io.Copy(io.Discard, tasks); err != nil {
		return fmt.Errorf("visiting all tasks: %w", err)
	}
	return nil
}

// Snapshot reads everything so far.
func (w *Watcher) Snapshot() (*Snapshot, error) {
	s := &Snapshot{Losses: map[string]uint64{}}
	var key denials.DenialsDenialKey
	var value denials.DenialsDenial
	entries := w.objects.Maps[denials.DenialsMapDenials].Iterate()
	for w.next(entries, &key, &value) {
		d := denialOf(key, value)
		d.Stack = w.stack(key)
		s.Denials = append(s.Denials, d)
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
		if err := w.lookup(denials.DenialsMapLosses, uint32(reason), &n); err != nil {
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

// Stacked waits for a process of which a stack was kept, with Options.Stacks; false: the Watcher is closed.
func (w *Watcher) Stacked() (pid int, ok bool) {
	record, err := w.stacked.Read()
	if err != nil || len(record.RawSample) < 4 {
		return 0, false
	}
	return int(binary.NativeEndian.Uint32(record.RawSample)), true
}

// stack is the user stack of the first one of a kind, nil if none was kept.
func (w *Watcher) stack(key denials.DenialsDenialKey) []uint64 {
	var stack denials.DenialsStack
	if err := w.lookup(denials.DenialsMapStacks, key, &stack); err != nil || stack.Bytes <= 0 {
		return nil
	}
	return slices.Clone(stack.Frames[:min(int(stack.Bytes/8), len(stack.Frames))])
}

// Home is the number of the workload that a process belongs, or belonged, to; false: to none, or nobody remembers.
func (w *Watcher) Home(pid int) (workload int, ok bool) {
	var number uint32
	err := w.objects.Maps[denials.DenialsMapHomes].Lookup(uint32(pid), &number)
	return int(number), err == nil
}

// Forget what was denied to workloads whose numbers are to be given to others.
func (w *Watcher) Forget(workload func(number int) bool) error {
	var keys []denials.DenialsDenialKey
	var key denials.DenialsDenialKey
	var value denials.DenialsDenial
	entries := w.objects.Maps[denials.DenialsMapDenials].Iterate()
	for w.next(entries, &key, &value) {
		if workload(int(key.Workload)) {
			keys = append(keys, key)
		}
	}
	err := entries.Err()
	for _, key := range keys {
		err = errors.Join(err, w.remove(denials.DenialsMapDenials, key))
		_ = w.remove(denials.DenialsMapStacks, key) // it may have none
	}
	if err != nil {
		return fmt.Errorf("forgetting what was denied to ended workloads: %w", err)
	}
	return nil
}

// Close detaches and frees everything in the kernel. It may be called twice.
func (w *Watcher) Close() {
	w.detach()
	if w.stacked != nil {
		_ = w.stacked.Close()
	}
	w.objects.Close()
}

func (w *Watcher) detach() {
	for i := len(w.links) - 1; i >= 0; i-- {
		w.links[i].Close()
	}
	w.links = nil
}
