// Package watch profiles workloads that others start: containers, units, cgroups, the whole
// node. It owns the recorder and everything else that must end with it, and changes
// nothing about the workloads.
package watch

import (
	"context"
	"maps"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/cilium/ebpf/btf"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/life"
	"github.com/scallop-sec/scallop/profiler/ready"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Options of a watch.
type Options struct {
	Tool  string // version of scallop
	Sizes profiler.Sizes
	Probe string // as profiler.Options
	Types *btf.Spec

	Targets []Target
	Exclude []string // globs of names, IDs and cgroup paths that are not recorded
	Root    string   // cgroup path below which All looks; empty is the whole host
	Wait    bool     // for targets that do not exist yet
	Engines Engines
	// EnginesNamed: the user said which engines to ask, so that containers of others are not meant.
	EnginesNamed bool

	Checks      []ready.Check // the first that applies begins the steady phase
	Settle      time.Duration // how long no call must be seen for the first time; 0: not looked at
	StopSignals []syscall.Signal
	Duration    time.Duration // 0: until the targets have ended, or a signal
	Checkpoint  time.Duration // interval of partial files; 0: none

	// Save takes the recordings, one call at a time; nil if there are to be none.
	Save func(file Filename, r *recording.Recording, final bool) (path string, err error)
	Log  func(Event)
	Warn func(format string, args ...any)

	// Beside, if there is one, looks at the workloads in place of the recorder, which does not count their calls then.
	Beside Beside

	// Pin lets the kernel side outlive this process. Resume takes over what is pinned there. A signal leaves it counting, unless
	// End is set: then everything is written at once, and nothing stays pinned.
	Pin    Pin
	Resume bool
	End    bool

	Signals <-chan os.Signal
	Marks   <-chan MarkRequest
}

// Engines tells what the host's container engines know; engines.Set is one.
type Engines interface {
	// Asks tells whether an engine of that name is among them.
	Asks(engine string) bool
	Container(ctx context.Context, ref engine.Ref) (*engine.Container, error)
	Find(ctx context.Context, pattern string) ([]engine.Container, error)
	FindPod(ctx context.Context, namespace, pod, container string) ([]engine.Container, error)
	FindLabels(ctx context.Context, labels map[string]string) ([]engine.Container, error)
}

// MarkRequest asks for a phase of a workload. The answer is nil when it has begun.
type MarkRequest struct {
	Workload string
	Phase    string
	Answer   chan<- error
}

// Result of a watch.
type Result struct {
	Recordings int
	Incomplete int
	Unsaved    int     // recordings that no file took
	Missing    []error // targets that were not found
	Lost       uint64  // workloads that there was no room for
	Left       bool    // pinned: the kernel side goes on counting
	Pinned     int     // workloads that it counts
	// Unwatched is how long the pinned kernel side was alone before it was resumed; 0 if that is not known.
	Unwatched time.Duration
}

// lookInterval is how often the counters are read: "last seen" is exact to it.
const lookInterval = time.Second

// endInterval is how often workloads that ended are read for the last time, many at once.
const endInterval = 100 * time.Millisecond

// watch is the state of one Run. Only its loop touches it, but for what is said otherwise.
type watch struct {
	opts      Options
	recorder  *profiler.Recorder
	mount     cgroup.Mount
	hierarchy uint32 // its number
	host      recording.Host
	targets   []*target

	workloads map[int]*workload // by number
	retired   map[int]retired   // to be freed
	strays    profiler.Strays   // as of the latest look
	guests    guests
	nextEnd   time.Time // workloads that ended are not read before
	result    Result

	events  chan profiler.Event
	named   chan answer
	readies chan readiness
	saved   chan saved
	over    chan struct{}  // closed when nobody takes answers any more
	asked   chan *workload // to the askers
	asking  []*workload    // not sent yet
	saves   chan save      // to the writer
	saving  []save         // not sent yet
	writing bool           // the writer is at work
	workers sync.WaitGroup

	// The user was told.
	stateLost, hiddenTold bool
}

// Run records until told to end, or until all that was named has ended. Its errors mean that
// nothing was recorded.
func Run(ctx context.Context, opts Options) (Result, error) {
	w := &watch{
		opts:      opts,
		workloads: map[int]*workload{},
		retired:   map[int]retired{},
		events:    make(chan profiler.Event),
		named:     make(chan answer),
		readies:   make(chan readiness),
		saved:     make(chan saved),
		over:      make(chan struct{}),
		asked:     make(chan *workload),
		saves:     make(chan save),
	}
	defer w.close()
	if err := w.open(ctx); err != nil {
		return w.result, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w.startWorkers(ctx)
	w.opts.Log(Event{Time: time.Now(), Kind: EventRecording, Version: recording.APIVersion, UnwatchedNs: w.result.Unwatched.Nanoseconds()})
	for _, one := range w.workloads {
		w.startChecks(ctx, one)
	}
	err := w.record(ctx)
	cancel()
	close(w.over)
	close(w.asked)
	close(w.saves)
	w.workers.Wait()
	return w.result, err
}

// open attaches everything and finds the targets.
func (w *watch) open(ctx context.Context) error {
	var err error
	if w.mount, err = cgroup.FindMount(); err != nil {
		return err
	}
	if w.hierarchy, err = w.mount.Hierarchy(); err != nil {
		return err
	}
	w.targets = resolve(ctx, w.opts, w.mount)
	for _, t := range w.targets {
		t.warnIfShared(w.mount, w.opts.Warn)
	}
	if err := w.openRecorder(); err != nil {
		return err
	}
	if w.host, err = profiler.DescribeHost(w.recorder, w.mount); err != nil {
		return err
	}
	if w.opts.Resume {
		return w.resume()
	}
	if err := w.adopt(); err != nil {
		return err
	}
	if w.opts.Pin == nil {
		return w.beginBeside()
	}
	w.rememberWatch()
	return w.recorder.Pin(w.opts.Pin.Dir())
}

// openRecorder attaches everything, or takes over what is attached.
func (w *watch) openRecorder() error {
	var err error
	if w.opts.Resume {
		w.recorder, err = profiler.OpenPinned(w.opts.Pin.Dir())
		return err
	}
	w.recorder, err = profiler.Open(profiler.Options{
		Sizes: w.opts.Sizes, Probe: w.opts.Probe, Types: w.opts.Types, Containers: true, BirthStopSignals: w.stopSignals(nil),
		Uncounted: w.opts.Beside != nil,
	})
	if err != nil {
		return err
	}
	if err := w.openBeside(); err != nil {
		return err
	}
	if err := w.recorder.MayMiss(); err != nil {
		w.opts.Warn("%v", err)
	}
	return w.recorder.Start()
}

func (w *watch) close() {
	if w.opts.Beside != nil {
		w.opts.Beside.Close()
	}
	if w.recorder != nil {
		w.recorder.Close()
	}
}

func (w *watch) startWorkers(ctx context.Context) {
	go w.recorder.ReadEvents(w.events)
	for range askers {
		w.workers.Go(func() { w.ask(ctx) })
	}
	w.workers.Go(w.write)
}

// record runs the loop to its end, and leaves or finishes then.
func (w *watch) record(ctx context.Context) error {
	signalled := w.opts.End
	if !w.opts.End {
		signalled = w.loop(ctx)
	}
	if signalled && w.opts.Pin != nil && !w.opts.End {
		return w.leave()
	}
	if err := w.finish(); err != nil || w.opts.Pin == nil {
		return err
	}
	return w.opts.Pin.Remove()
}

// loop handles what happens until there is nothing more to record, or an end is asked for; true: by a signal, or by ctx.
func (w *watch) loop(ctx context.Context) bool {
	looks, ends := time.NewTicker(lookInterval), time.NewTicker(endInterval)
	defer looks.Stop()
	defer ends.Stop()
	besides, stop := w.besideTicks()
	defer stop()
	var over <-chan time.Time
	if w.opts.Duration > 0 {
		over = time.After(w.opts.Duration)
	}
	for !w.done() {
		asked, ask := w.nextAsk()
		saves, save := w.nextSave()
		select {
		case event := <-w.events:
			w.onEvent(ctx, event)
		case answer := <-w.named:
			w.onNamed(ctx, answer)
		case asked <- ask:
			w.asking = w.asking[1:]
		case saves <- save:
			w.sent()
		case done := <-w.saved:
			w.onSaved(done)
		case r := <-w.readies:
			w.onReady(r)
		case request := <-w.opts.Marks:
			request.Answer <- w.mark(request.Workload, request.Phase)
		case <-looks.C:
			w.look(ctx)
		case <-ends.C:
			w.end()
		case <-besides:
			w.lookBeside(ctx)
		case <-w.opts.Signals:
			return true
		case <-over:
			return false
		case <-ctx.Done():
			return true
		}
	}
	return false
}

// leave lets the pinned kernel side go on alone.
func (w *watch) leave() error {
	if err := w.drain(); err != nil {
		return err
	}
	all, err := w.recorder.Snapshots(func(n int) bool { return w.workloads[n] != nil && w.workloads[n].state == wanted })
	if err != nil {
		return err
	}
	for number, snapshot := range all {
		one := w.workloads[number]
		w.stopChecks(one)
		r := one.life.Recording(snapshot, append(w.guests.reasons(one), life.Partial)...)
		w.saving = append(w.saving, save{one, filename(one), r, false})
	}
	w.awaitSaves()
	for _, one := range w.workloads {
		w.remember(one)
	}
	w.rememberWatch()
	w.result.Left, w.result.Pinned = true, len(w.workloads)
	return nil
}

// drain handles the events that are still on their way.
func (w *watch) drain() error {
	if err := w.recorder.DrainEvents(); err != nil {
		return err
	}
	for event := range w.events {
		w.onEvent(context.Background(), event)
	}
	return nil
}

// finish writes all that is still being recorded.
func (w *watch) finish() error {
	if err := w.drain(); err != nil {
		w.opts.Warn("events may be missing: %v", err)
	}
	w.findBirths()
	w.awaitNames()
	rest := maps.Clone(w.workloads)
	maps.DeleteFunc(rest, func(_ int, one *workload) bool { return one.state == ended })
	err := w.endAll(rest)
	w.awaitSaves()
	for _, n := range w.recorder.HostLosses() {
		w.result.Lost += n
	}
	return err
}
