// Package live follows what seccomp filters deny to the workloads of a watch, while it happens: it reads the kernel side of
// package denials, tells of every denial as an event, and makes a report of all.
package live

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cilium/ebpf/btf"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/audit"
	"github.com/scallop-sec/scallop/profiler/denials"
	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/life"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// Options of a Live.
type Options struct {
	Tool   string // version of scallop
	Probe  string // as profiler.Options
	Types  *btf.Spec
	Args   bool // keep the arguments of the first call of each kind
	Stacks bool // and its user stack
	Log    func(Event)
	Warn   func(format string, args ...any)
}

// EventDenied is the kind of an Event.
const EventDenied = "denied"

// Event tells of denials of one kind, the latest of which was at Time.
type Event struct {
	watch.Event
	More      uint64        `json:"more"`      // since the last event of this kind
	PerSecond float64       `json:"perSecond"` // between the first and the latest one
	Denial    report.Denial `json:"denial"`
}

// Live is what a watch has beside it: give it as watch.Options.Beside. The report is ready when the watch has ended.
type Live struct {
	opts     Options
	recorder *profiler.Recorder
	watcher  *denials.Watcher
	started  time.Time
	ended    time.Time
	now      map[int]*workload // by number
	done     []report.Workload // whose number is, or will be, another's
	gone     map[string]uint64 // losses of those
	losses   map[string]uint64 // as of the latest look, without those
	lives    map[int]*life.Life
	logged   *logged   // nil: nobody can hear
	memories *memories // nil without Options.Stacks
}

// workload is one that something was denied to.
type workload struct {
	about report.Workload
	rows  map[kind]*report.Denial
}

// kind tells a workload's denials apart.
type kind struct {
	phase    string
	abi      syscalls.ABI
	nr       int
	action   string
	returned int64
}

// New makes one that looks at nothing yet.
func New(opts Options) *Live {
	return &Live{opts: opts, now: map[int]*workload{}, gone: map[string]uint64{}, losses: map[string]uint64{}}
}

// Open is part of watch.Beside, as are those below.
func (l *Live) Open(r *profiler.Recorder) error {
	var err error
	l.recorder = r
	l.watcher, err = denials.Open(denials.Options{Recorder: r, Probe: l.opts.Probe, Types: l.opts.Types, Stacks: l.opts.Stacks})
	if err != nil {
		return err
	}
	l.started = time.Now()
	if err := l.watcher.Start(); err != nil {
		return err
	}
	if l.opts.Stacks {
		l.memories = remember(l.watcher.Stacked, func(err error) { l.opts.Warn("%v", err) })
	}
	if l.logged, err = hear(l.watcher.Home); err != nil {
		l.opts.Warn("calls that a filter allows and logs (SCMP_ACT_LOG) are not told of: %v", err)
	}
	return nil
}

// Begin finds out who is inside a call now.
func (l *Live) Begin() error { return l.watcher.Seed() }

// Close frees everything in the kernel, when it has told of all.
func (l *Live) Close() {
	if l.logged != nil {
		l.logged.close()
		l.takeLogged()
	}
	if l.watcher != nil {
		l.watcher.Close()
	}
	if l.memories != nil {
		<-l.memories.ended
	}
}

// Look tells of all denials since the last look.
func (l *Live) Look(_ context.Context, lives map[int]*life.Life) error {
	snapshot, err := l.watcher.Snapshot()
	if err != nil {
		return err
	}
	l.ended, l.lives = time.Now(), lives
	var exes map[int]map[profiler.ExeID]string
	for _, d := range snapshot.Denials {
		of := lives[d.Workload]
		if of == nil || !l.grown(&d, of) {
			continue
		}
		if exes == nil {
			if exes, err = l.recorder.Exes(); err != nil {
				return err
			}
		}
		l.take(&d, of, exes[d.Workload][d.First.Exe])
	}
	l.takeLogged()
	return l.lookLosses(snapshot.Losses, slices.Collect(maps.Keys(lives)))
}

func kindOf(d *denials.Denial, of *life.Life) kind {
	return kind{of.PhaseName(d.Phase), d.ABI, d.Nr, string(d.Action), d.Return}
}

// grown tells whether there are more of a kind than are known.
func (l *Live) grown(d *denials.Denial, of *life.Life) bool {
	w := l.now[d.Workload]
	if w == nil {
		return true
	}
	row := w.rows[kindOf(d, of)]
	return row == nil || d.Count > row.Count
}

// take adds denials to what is known, and tells of them.
func (l *Live) take(d *denials.Denial, of *life.Life, exe string) {
	w := l.workload(d.Workload, of)
	row, before := w.rows[kindOf(d, of)], uint64(0)
	if row == nil {
		row = l.newRow(d, of, exe)
		w.rows[kindOf(d, of)] = row
	} else {
		before = row.Count
	}
	row.Count, row.Last = d.Count, clock(of, d.Last)
	l.opts.Log(eventOf(w.about, *row, row.Count-before))
}

// workload is the one of a number, with what is known of it now.
func (l *Live) workload(number int, of *life.Life) *workload {
	w := l.now[number]
	if w == nil {
		w = &workload{rows: map[kind]*report.Denial{}}
		l.now[number] = w
	}
	w.about = describe(of)
	return w
}

func eventOf(w report.Workload, d report.Denial, more uint64) Event {
	e := Event{More: more, Denial: d}
	e.Time, e.Kind, e.Workload, e.Type, e.Cgroup = d.Last, EventDenied, w.Name, w.Kind, w.Cgroup
	if w.Container != nil {
		e.ID = w.Container.ID
	}
	e.PerSecond = d.PerSecond()
	return e
}

// newRow is the first of a kind.
func (l *Live) newRow(d *denials.Denial, of *life.Life, exe string) *report.Denial {
	row := &report.Denial{
		Source: report.Live, ABI: string(d.ABI), Nr: d.Nr, Name: d.Name(), Action: string(d.Action), Phase: of.PhaseName(d.Phase),
		First: clock(of, d.First.Time),
		Who:   report.Who{Comm: recording.CleanString(d.First.Comm), Exe: recording.CleanString(exe), PID: d.First.PID, TID: d.First.TID},
	}
	if d.Action == denials.Errno || d.Action == denials.Trace {
		returned := d.Return
		row.Return = &returned
	}
	if d.Traced && d.Action != denials.Trace {
		row.Who.Note = "a debugger was attached: it may have skipped the call"
	}
	if l.opts.Args {
		for _, arg := range d.Args {
			row.Who.Args = append(row.Who.Args, fmt.Sprintf("%#x", arg))
		}
	}
	row.Who.Stack = l.memories.describeStack(d.First.PID, d.Stack)
	return row
}

func describe(of *life.Life) report.Workload {
	return report.Workload{
		Name: of.About.Name, Kind: of.About.Kind, Cgroup: of.About.Cgroup, Unit: of.About.Unit, Container: of.About.Container,
	}
}

// clock is the wall time of a time of the kernel side.
func clock(of *life.Life, at int64) time.Time { return of.Clock.Add(time.Duration(at - of.Start)) }

// lookLosses adds up what was not seen. Those of ended workloads are in gone.
func (l *Live) lookLosses(ofWatcher map[string]uint64, numbers []int) error {
	losses := maps.Clone(ofWatcher)
	add(losses, l.recorder.HostLosses())
	for _, number := range numbers {
		add(losses, l.recorder.Losses(number))
	}
	missed, err := l.recorder.TurnsMissed()
	losses[profiler.LossTurnsMissed] += missed
	if l.logged != nil {
		losses[audit.LossMissing] += l.logged.missing()
	}
	l.losses = losses
	return err
}

func add(sum, more map[string]uint64) {
	for reason, n := range more {
		if n > 0 {
			sum[reason] += n
		}
	}
}

// Forget keeps what was denied to ended workloads, before others have their numbers.
func (l *Live) Forget(numbers []int) error {
	if l.logged != nil {
		l.logged.forget(numbers)
	}
	for _, number := range numbers {
		add(l.gone, l.recorder.Losses(number))
		if w := l.now[number]; w != nil {
			l.done = append(l.done, w.report())
			delete(l.now, number)
		}
	}
	return l.watcher.Forget(func(number int) bool { return slices.Contains(numbers, number) })
}

func (w *workload) report() report.Workload {
	r := w.about
	for _, row := range w.rows {
		r.Denials = append(r.Denials, *row)
	}
	return r
}

// Report is all that was seen, and what was not.
func (l *Live) Report() (*report.Report, error) {
	all := slices.Clone(l.done)
	for _, w := range l.now {
		all = append(all, w.report())
	}
	workloads, err := report.Collect(all)
	if err != nil {
		return nil, err
	}
	r := &report.Report{
		APIVersion: report.APIVersion, Kind: report.Kind, ID: recording.NewID(), Tool: l.opts.Tool,
		StartedAt: l.started, EndedAt: l.ended, Losses: maps.Clone(l.losses), Workloads: workloads,
		Host: Host(),
	}
	add(r.Losses, l.gone)
	for _, reason := range slices.Sorted(maps.Keys(r.Losses)) {
		if n := r.Losses[reason]; n > 0 {
			r.Incomplete = append(r.Incomplete, lossSentence(reason, n))
		}
	}
	r.Complete = len(r.Incomplete) == 0
	return r, nil
}

// Host is this one.
func Host() report.Host {
	return report.Host{Kernel: kernelRelease(), Architecture: architecture()}
}

// lossSentence says what to do about a loss, where there is something.
func lossSentence(reason string, n uint64) string {
	if reason == profiler.LossWorkloadsFull {
		return fmt.Sprintf("%d new workloads were not watched, there was no room: allow more with --max-workloads", n)
	}
	return fmt.Sprintf("%d lost: %s", n, reason)
}

func kernelRelease() string {
	var name unix.Utsname
	_ = unix.Uname(&name) // cannot fail with valid memory
	return unix.ByteSliceToString(name.Release[:])
}

func architecture() string {
	abi, _ := syscalls.Native(runtime.GOARCH)
	return string(abi)
}
