package session

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/life"
	"github.com/scallop-sec/scallop/profiler/recording"
)

func (s *session) armStopAfter() {
	if s.opts.StopAfter > 0 && s.served == nil {
		s.served = time.After(s.opts.StopAfter)
	}
}

func (s *session) onMark(name string) error {
	turn, err := s.life.Mark(name)
	s.report(turn)
	if turn != nil && turn.Phase == recording.PhaseSteady {
		s.armStopAfter()
	}
	return err
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
		s.stop("scallop got " + life.SignalName(number))
	} else {
		s.kill("scallop got " + life.SignalName(number) + " again")
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
	if s.life.Phase() == profiler.PhaseShutdown {
		// The leader got its stop signal already; a terminal's Ctrl-C reaches both.
		s.opts.Report("waiting for the workload to stop, because %s", why)
		return
	}
	signal := s.opts.StopSignals[0]
	s.opts.Report("sending %s, because %s", life.SignalName(signal), why)
	if !s.waited {
		err := s.cmd.Process.Signal(signal)
		if err == nil {
			return
		}
		if !errors.Is(err, os.ErrProcessDone) {
			s.opts.Warn("sending %s to the command: %v: a command of another --user needs CAP_KILL", life.SignalName(signal), err)
		}
	}
	s.stopRest(signal, why)
}

// stopRest stops what a leader that has ended left behind.
func (s *session) stopRest(signal syscall.Signal, why string) {
	s.report(s.life.Shutdown(why))
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
	s.waited = true
	if state := s.cmd.ProcessState; state != nil {
		if status, ok := state.Sys().(syscall.WaitStatus); ok {
			s.life.Leader.Exited(status)
		}
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		s.opts.Warn("waiting for the command: %v", err)
	}
	if populated, err := s.cgroup.Populated(); err == nil && populated {
		s.opts.Report("the command has ended (%s); waiting for the processes that it left", s.cmd.ProcessState)
	}
}

// onEmpty takes the end of the workload's last process. The leader's own end was sent
// before it, but select may take this one first.
func (s *session) onEmpty(err error) {
	if !s.waited {
		s.onExit(<-s.exited)
	}
	if err != nil {
		s.life.Fail("%v", err)
	}
}
