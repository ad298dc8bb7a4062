// Package session profiles one command from its first call to its last: it owns
// the recorder, the cgroup, the readiness checks and everything else that must
// end with the command.
package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/launch"
	"github.com/scallop-sec/scallop/profiler/ready"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Options of a session.
type Options struct {
	Name   string // of the workload
	Tool   string // version of scallop
	Launch launch.Options
	Sizes  profiler.Sizes
	Probe  string // as profiler.Options

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

// workload is the only one that a session's recorder has.
const workload = 0

// session is the state of one Run. Only its loop touches it.
type session struct {
	opts     Options
	recorder *profiler.Recorder
	cgroup   *cgroup.Cgroup
	notify   *ready.Notify
	cmd      *exec.Cmd

	id        string
	host      recording.Host
	startedAt time.Time
	start     int64 // as profiler.Now
	oomKills  int   // of the host, before

	names   *profiler.PhaseNames
	last    profiler.LastSeen
	turns   []profiler.Turn
	leader  leader
	stopped int // how often the workload was told to stop

	events   chan profiler.Event
	readies  chan profiler.Turn
	exited   chan error
	empty    chan error
	over     <-chan time.Time // Duration
	served   <-chan time.Time // StopAfter
	killAt   <-chan time.Time // StopTimeout
	failures []string         // reasons for an incomplete recording
	waiting  sync.WaitGroup   // for readiness
}

// leader is what the kernel side told of the workload's first process.
type leader struct {
	exec    *profiler.Event
	kill    *profiler.Event
	state   *os.ProcessState
	oomKill bool
}

// Run profiles the command and returns the recording. Its errors mean that the
// command was not started; nothing is left behind then.
func Run(ctx context.Context, opts Options) (*recording.Recording, error) {
	s, err := open(opts)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.begin(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.watch(ctx)
	s.loop(ctx)
	cancel()
	s.waiting.Wait() // the checks read the recorder's memory, which close unmaps
	return s.finish()
}

// open prepares everything, whole or not at all.
func open(opts Options) (*session, error) {
	s := &session{
		opts:    opts,
		id:      newID(),
		names:   profiler.NewPhaseNames(),
		last:    profiler.LastSeen{},
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
	mount, err := cgroup.FindMount()
	if err != nil {
		return err
	}
	if s.recorder, err = profiler.Open(profiler.Options{Sizes: s.opts.Sizes, Probe: s.opts.Probe}); err != nil {
		return err
	}
	if err := s.recorder.Start(); err != nil {
		return err
	}
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
	return s.recorder.SetWorkload(workload, profiler.WorkloadOptions{
		CgroupID:    id,
		Phase:       profiler.PhaseStartup,
		StopSignals: s.opts.StopSignals,
	})
}

// begin starts the command.
func (s *session) begin() error {
	opts := s.opts.Launch
	opts.Cgroup = s.cgroup
	if s.notify != nil {
		opts.Env = append(opts.Env[:len(opts.Env):len(opts.Env)], "NOTIFY_SOCKET="+s.notify.Address)
	}
	s.oomKills = profiler.OOMKills()
	s.startedAt = time.Now()
	s.start = profiler.Now()
	s.turn(s.start, recording.PhaseSetup, recording.Trigger{Kind: "start"})
	var err error
	s.cmd, err = launch.Start(opts)
	return err
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
	if s.recorder != nil {
		s.recorder.Close()
	}
}

// watch starts what tells the loop: each goroutine ends with ctx, or with what it
// waits for.
func (s *session) watch(ctx context.Context) {
	go s.readEvents()
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
		last := func() int64 { return s.recorder.LastNew(workload) }
		checks = append(checks, ready.Settle(s.opts.Settle, last, profiler.Now))
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

// readEvents passes events on until they are drained, then closes the channel.
func (s *session) readEvents() {
	defer close(s.events)
	for {
		event, err := s.recorder.ReadEvent()
		if errors.Is(err, profiler.ErrNoMoreEvents) {
			return
		}
		if err != nil {
			continue // a broken event; the kernel side makes none
		}
		s.events <- event
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
			s.onEvent(event)
		case turn := <-s.readies:
			s.onReady(turn)
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

func (s *session) turn(at int64, phase string, trigger recording.Trigger) {
	s.turns = append(s.turns, profiler.Turn{Time: at, Phase: phase, Trigger: trigger})
	if phase == recording.PhaseSetup {
		return
	}
	what := trigger.Kind
	if trigger.Detail != "" {
		what += ": " + trigger.Detail
	}
	s.opts.Report("%s at %s (%s)", phase, time.Duration(at-s.start).Round(time.Millisecond), what)
}

// fail notes a reason why the recording is incomplete.
func (s *session) fail(format string, args ...any) {
	s.failures = append(s.failures, fmt.Sprintf(format, args...))
}

func (s *session) save() {
	if s.opts.Save == nil {
		return
	}
	r, err := s.recording("still being recorded: this is a checkpoint, and what came after it is missing")
	if err != nil {
		s.opts.Warn("no checkpoint: %v", err)
		return
	}
	s.opts.Save(r)
}
