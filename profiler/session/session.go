// Package session profiles one command from its first call to its last: it owns
// the recorder, the cgroup, the readiness checks and everything else that must
// end with the command.
package session

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/cilium/ebpf/btf"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/denials"
	"github.com/scallop-sec/scallop/profiler/launch"
	"github.com/scallop-sec/scallop/profiler/life"
	"github.com/scallop-sec/scallop/profiler/ready"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Options of a session.
type Options struct {
	Name   string // of the workload
	Tool   string // version of scallop
	Launch launch.Options
	Judges []denials.Judge // under Launch.Filter: calls whose arguments are counted
	Sizes  profiler.Sizes
	Probe  string // as profiler.Options
	Types  *btf.Spec

	Checks []ready.Check // the first that applies begins the steady phase
	// Settle is how long no call must be seen for the first time; 0: not looked at.
	Settle time.Duration
	// Notify gives the command a NOTIFY_SOCKET; its READY=1 begins the steady phase.
	Notify bool

	StopSignals []syscall.Signal // to the leader: begin shutdown. The first is the one to send
	StopTimeout time.Duration    // between the stop signal and SIGKILL
	Duration    time.Duration    // from the start to the stop signal; 0: none
	StopAfter   time.Duration    // from ready to the stop signal; 0: none

	Checkpoint time.Duration                    // interval of Save; 0: only the last one
	Save       func(*recording.Recording)       // takes a partial recording
	Report     func(format string, args ...any) // takes progress
	Warn       func(format string, args ...any) // takes what the user must know
	Started    func()                           // is called when the command runs; nil: nobody asks

	Signals <-chan os.Signal   // for the workload
	Marks   <-chan MarkRequest // from the control socket
}

// MarkRequest asks for a phase. The answer is nil when it has begun.
type MarkRequest struct {
	Phase  string
	Answer chan<- error
}

// lookInterval is how often the counters are read: "last seen" is exact to it.
const lookInterval = time.Second

// session is the state of one Run. Only its loop touches it.
type session struct {
	opts     Options
	recorder *profiler.Recorder
	denials  *denials.Watcher // nil without a filter
	cgroup   *cgroup.Cgroup
	notify   *ready.Notify
	cmd      *exec.Cmd

	life    *life.Life
	host    recording.Host
	number  int  // of the workload in the recorder
	stopped int  // how often the workload was told to stop
	waited  bool // the command has ended

	events  chan profiler.Event
	readies chan profiler.Turn
	exited  chan error
	empty   chan error
	over    <-chan time.Time // Duration
	served  <-chan time.Time // StopAfter
	killAt  <-chan time.Time // StopTimeout
	waiting sync.WaitGroup   // for readiness
}

// Run profiles the command and returns the recording. Its errors mean that the
// command was not started; nothing is left behind then.
func Run(ctx context.Context, opts Options) (*recording.Recording, error) {
	o, err := Confine(ctx, opts)
	if err != nil {
		return nil, err
	}
	return o.Recording, nil
}

// Confine is Run for a command with a filter (opts.Launch.Filter): the outcome also tells what was denied. If the
// filter did not even let the command start, there are both an outcome, without a recording, and an
// error.
func Confine(ctx context.Context, opts Options) (*Outcome, error) {
	s, err := open(opts)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.begin(); err != nil {
		return s.stillborn(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.watch(ctx)
	s.loop(ctx)
	cancel()
	s.waiting.Wait() // the checks read the recorder's memory, which close unmaps
	return s.outcome()
}

// open prepares everything, whole or not at all.
func open(opts Options) (*session, error) {
	s := &session{
		opts:    opts,
		events:  make(chan profiler.Event),
		readies: make(chan profiler.Turn),
		exited:  make(chan error, 1),
		empty:   make(chan error, 1),
	}
	if err := s.prepare(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) prepare() error {
	var err error
	if s.recorder, err = profiler.Open(profiler.Options{Sizes: s.opts.Sizes, Probe: s.opts.Probe, Types: s.opts.Types}); err != nil {
		return err
	}
	if s.opts.Launch.Filter != nil {
		if err := s.watchDenials(); err != nil {
			return err
		}
	}
	if err := s.recorder.MayMiss(); err != nil {
		s.opts.Warn("%v", err)
	}
	if err := s.recorder.Start(); err != nil {
		return err
	}
	mount := s.recorder.Mount()
	cgroup.Sweep(mount)
	if s.cgroup, err = cgroup.CreateForRun(mount, s.opts.Name); err != nil {
		return err
	}
	id, err := s.cgroup.ID()
	if err != nil {
		return err
	}
	if s.opts.Notify {
		if s.notify, err = ready.NewNotify(); err != nil {
			return err
		}
	}
	if s.host, err = profiler.DescribeHost(s.recorder, mount); err != nil {
		return err
	}
	s.number, err = s.recorder.AddWorkload(profiler.WorkloadOptions{
		CgroupID:    id,
		Class:       cgroup.Whole,
		Phase:       profiler.PhaseStartup,
		StopSignals: s.opts.StopSignals,
	})
	return err
}

// begin starts the command.
func (s *session) begin() error {
	opts := s.opts.Launch
	opts.Cgroup = s.cgroup
	opts.Entering = func(pid int) error { return s.recorder.Enter(s.number, pid) }
	if s.notify != nil {
		opts.Env = append(opts.Env[:len(opts.Env):len(opts.Env)], "NOTIFY_SOCKET="+s.notify.Address)
	}
	s.life = life.New(life.Options{
		Recorder: s.recorder,
		Number:   s.number,
		Tool:     s.opts.Tool,
		Host:     s.host,
		About:    s.about(),
		Clock:    time.Now(),
		Start:    profiler.Now(),
	})
	s.life.Turn(s.life.Start, recording.PhaseSetup, recording.Trigger{Kind: "start"})
	var err error
	if s.cmd, err = launch.Start(opts); err != nil {
		return err
	}
	if s.opts.Started != nil {
		s.opts.Started()
	}
	s.life.Leader.PID = s.cmd.Process.Pid
	if s.opts.Launch.User != nil {
		s.life.Leader.User = s.opts.Launch.User.String()
	}
	return nil
}

// about is what is known of the command beforehand.
func (s *session) about() recording.Workload {
	w := recording.Workload{
		Name:   recording.CleanString(s.opts.Name),
		Kind:   recording.KindCommand,
		Cgroup: s.cgroup.Path,
	}
	for _, arg := range s.opts.Launch.Args {
		w.Command = append(w.Command, recording.CleanString(arg))
	}
	return w
}

// close frees all that is open, in the reverse order of opening. It is safe at any
// stage, and twice.
func (s *session) close() {
	if s.notify != nil {
		s.notify.Close()
	}
	if s.cgroup != nil {
		if err := s.cgroup.Remove(); err != nil {
			s.opts.Warn("%v", err)
		}
	}
	if s.denials != nil {
		s.denials.Close()
	}
	if s.recorder != nil {
		s.recorder.Close()
	}
}

// watch starts what tells the loop: each goroutine ends with ctx, or with what it
// waits for.
func (s *session) watch(ctx context.Context) {
	go s.recorder.ReadEvents(s.events)
	go func() {
		s.exited <- s.cmd.Wait()
		s.empty <- s.cgroup.WaitEmpty(context.WithoutCancel(ctx)) // it ends at the latest when ctx kills all
	}()
	for _, check := range s.checks() {
		s.waiting.Go(func() { s.await(ctx, check) })
	}
	if s.opts.Duration > 0 {
		s.over = time.After(s.opts.Duration)
	}
}

func (s *session) checks() []ready.Check {
	checks := s.opts.Checks
	if s.notify != nil {
		checks = append(checks, s.notify.Check())
	}
	if s.opts.Settle > 0 {
		checks = append(checks, ready.Settle(s.opts.Settle, s.life.LastNew, profiler.Now))
	}
	return checks
}

// await passes on that a check holds, with the time when it was seen.
func (s *session) await(ctx context.Context, check ready.Check) {
	detail, err := check.Wait(ctx)
	if err != nil {
		return // ctx has ended, or the notify socket is closed
	}
	turn := profiler.Turn{
		Time:    profiler.Now(),
		Phase:   recording.PhaseSteady,
		Trigger: recording.Trigger{Kind: check.Kind, Detail: detail},
	}
	select {
	case s.readies <- turn:
	case <-ctx.Done():
	}
}

// loop handles what happens until the workload's last process is gone.
func (s *session) loop(ctx context.Context) {
	looks := time.NewTicker(lookInterval)
	defer looks.Stop()
	checkpoint := nextCheckpoint(s.opts.Checkpoint)
	for {
		select {
		case event := <-s.events:
			s.report(s.life.Event(event))
		case turn := <-s.readies:
			if s.life.Ready(turn) {
				s.report(&turn)
				s.armStopAfter()
			}
		case request := <-s.opts.Marks:
			request.Answer <- s.onMark(request.Phase)
		case signal := <-s.opts.Signals:
			s.onSignal(signal)
		case <-s.over:
			s.stop("it has run for " + s.opts.Duration.String())
		case <-s.served:
			s.stop("it has been ready for " + s.opts.StopAfter.String())
		case <-s.killAt:
			s.killAt = nil
			s.kill("it did not stop in " + s.opts.StopTimeout.String())
		case <-looks.C:
			s.look()
		case <-checkpoint:
			s.save()
			checkpoint = nextCheckpoint(s.opts.Checkpoint)
		case err := <-s.exited:
			s.onExit(err)
		case err := <-s.empty:
			s.onEmpty(err)
			return
		case <-ctx.Done():
			s.kill("scallop was told to end")
			ctx = context.WithoutCancel(ctx)
		}
	}
}

// nextCheckpoint is a timer and not a ticker: a slow disk must not make
// checkpoints pile up.
func nextCheckpoint(interval time.Duration) <-chan time.Time {
	if interval <= 0 {
		return nil
	}
	return time.After(interval)
}

// report tells of a phase that has begun, if one has.
func (s *session) report(turn *profiler.Turn) {
	if turn == nil {
		return
	}
	what := turn.Trigger.Kind
	if turn.Trigger.Detail != "" {
		what += ": " + turn.Trigger.Detail
	}
	s.opts.Report("%s at %s (%s)", turn.Phase, time.Duration(turn.Time-s.life.Start).Round(time.Millisecond), what)
}

func (s *session) save() {
	if s.opts.Save == nil {
		return
	}
	r, err := s.recording(life.Partial)
	if err != nil {
		s.opts.Warn("no checkpoint: %v", err)
		return
	}
	s.opts.Save(r)
}

// look reads the counters, for "last seen".
func (s *session) look() {
	all, err := s.recorder.Look(func(w int) bool { return w == s.number })
	if err != nil {
		s.opts.Warn("%v", err)
		return
	}
	s.life.Look(all[s.number])
}

// finish reads everything for the last time: no process is left that could
// change it.
func (s *session) finish() (*recording.Recording, error) {
	if err := s.recorder.DrainEvents(); err != nil {
		s.life.Fail("events may be missing: %v", err)
	} else {
		for event := range s.events {
			s.life.Event(event)
		}
	}
	return s.recording()
}

// recording is the file as it stands; reasons make it an incomplete one.
func (s *session) recording(reasons ...string) (*recording.Recording, error) {
	snapshot, err := s.recorder.Snapshot(s.number)
	if err != nil {
		return nil, err
	}
	return s.life.Recording(snapshot, reasons...), nil
}
