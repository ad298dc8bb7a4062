package session

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// onEvent takes what the kernel side has done already.
func (s *session) onEvent(e profiler.Event) {
	switch e.Kind {
	case profiler.LeaderExec:
		s.leader.exec = &e
		s.turn(e.Time, recording.PhaseStartup, recording.Trigger{Kind: "exec"})
	case profiler.StopSignal:
		s.turn(e.Time, recording.PhaseShutdown, recording.Trigger{Kind: "signal", Detail: describeSignal(e)})
	case profiler.KillSignal:
		s.leader.kill = &e
		s.leader.oomKill = e.FromKernel && profiler.OOMKills() > s.oomKills
	case profiler.LeaderExit: // the leader is scallop's child: wait(2) tells more
	}
}

// describeSignal says who sent it: "SIGTERM from pid 712 (bash)".
func describeSignal(e profiler.Event) string {
	name := signalName(e.Signal)
	if e.FromKernel {
		return name + " from the kernel"
	}
	return fmt.Sprintf("%s from pid %d (%s)", name, e.PID, recording.CleanString(e.Comm))
}

// onReady ends startup, unless something else did.
func (s *session) onReady(turn profiler.Turn) {
	if !s.recorder.Turn(workload, profiler.PhaseStartup, profiler.PhaseSteady) {
		return
	}
	s.turn(turn.Time, turn.Phase, turn.Trigger)
	s.armStopAfter()
}

func (s *session) armStopAfter() {
	if s.opts.StopAfter > 0 && s.served == nil {
		s.served = time.After(s.opts.StopAfter)
	}
}

// onMark begins the phase that a user named. Setup and handover belong to tasks, and
// shutdown is final: nothing follows it.
func (s *session) onMark(name string) error {
	if name == recording.PhaseSetup || name == recording.PhaseHandover {
		return fmt.Errorf("phase %q belongs to the container runtime: mark another", name)
	}
	id, err := s.names.ID(name)
	if err != nil {
		return err
	}
	for {
		now := s.recorder.Phase(workload)
		if now == id {
			return nil
		}
		if now == profiler.PhaseShutdown {
			return fmt.Errorf("the workload is in its shutdown phase, which ends only with it: mark earlier")
		}
		at := profiler.Now()
		if s.recorder.Turn(workload, now, id) {
			s.turn(at, name, recording.Trigger{Kind: "mark"})
			if id == profiler.PhaseSteady {
				s.armStopAfter()
			}
			return nil
		}
	}
}

// onSignal handles a signal to scallop. SIGINT and SIGTERM stop the workload, and kill it the
// second time; all others are passed on.
func (s *session) onSignal(signal os.Signal) {
	number, ok := signal.(syscall.Signal)
	if !ok {
		return
	}
	if number != syscall.SIGINT && number != syscall.SIGTERM {
		_ = s.cmd.Process.Signal(number) // it may be gone
		return
	}
	if s.stopped == 0 {
		s.stop("scallop got " + signalName(number))
	} else {
		s.kill("scallop got " + signalName(number) + " again")
	}
}

// stop tells the workload to stop as a service manager does: the stop signal to
// its leader, and SIGKILL to all when that has not helped in time.
func (s *session) stop(why string) {
	if s.stopped > 0 {
		return
	}
	s.stopped++
	s.killAt = time.After(s.opts.StopTimeout)
	if s.recorder.Phase(workload) == profiler.PhaseShutdown {
		// The leader got its stop signal already; a terminal's Ctrl-C reaches both.
		s.opts.Report("waiting for the workload to stop, because %s", why)
		return
	}
	signal := s.opts.StopSignals[0]
	s.opts.Report("sending %s, because %s", signalName(signal), why)
	if s.leader.state == nil {
		err := s.cmd.Process.Signal(signal)
		if err == nil {
			return
		}
		if !errors.Is(err, os.ErrProcessDone) {
			s.opts.Warn("sending %s to the command: %v: a command of another --user needs CAP_KILL", signalName(signal), err)
		}
	}
	s.stopRest(signal, why)
}

// stopRest stops what a leader that has ended left behind. The kernel side turns the
// phase at signals to the leader only.
func (s *session) stopRest(signal syscall.Signal, why string) {
	for {
		now, at := s.recorder.Phase(workload), profiler.Now()
		if now == profiler.PhaseShutdown {
			break
		}
		if s.recorder.Turn(workload, now, profiler.PhaseShutdown) {
			s.turn(at, recording.PhaseShutdown, recording.Trigger{Kind: "stop", Detail: why})
			break
		}
	}
	pids, err := s.cgroup.Procs()
	if err != nil {
		s.opts.Warn("listing the workload's processes: %v", err)
	}
	for _, pid := range pids {
		_ = unix.Kill(pid, signal) // it may be gone
	}
}

func (s *session) kill(why string) {
	s.stopped++
	s.opts.Report("killing the workload, because %s", why)
	if err := s.cgroup.Kill(); err != nil {
		s.opts.Warn("killing the workload: %v: kill the processes of cgroup %s yourself", err, s.cgroup.Path)
	}
}

// onExit takes the leader's end. Others of the workload may live on.
func (s *session) onExit(err error) {
	s.leader.state = s.cmd.ProcessState
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		s.opts.Warn("waiting for the command: %v", err)
	}
	if populated, err := s.cgroup.Populated(); err == nil && populated {
		s.opts.Report("the command has ended (%s); waiting for the processes that it left", s.leader.state)
	}
}

// onEmpty takes the end of the workload's last process. The leader's own end was sent
// before it, but select may take this one first.
func (s *session) onEmpty(err error) {
	if s.leader.state == nil {
		s.onExit(<-s.exited)
	}
	if err != nil {
		s.fail("%v", err)
	}
}
