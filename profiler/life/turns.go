package life

import (
	"fmt"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Event takes what the kernel side has done already. It returns the phase that begins with
// it, nil if none does.
func (l *Life) Event(e profiler.Event) *profiler.Turn {
	switch e.Kind {
	case profiler.LeaderExec:
		return l.onExec(e)
	case profiler.StopSignal:
		l.Turn(e.Time, recording.PhaseShutdown, recording.Trigger{Kind: "signal", Detail: describeSignal(e)})
		return &l.turns[len(l.turns)-1]
	case profiler.KillSignal:
		l.Leader.kill = &e
		l.Leader.oomKill = e.FromKernel && profiler.OOMKills() > l.oomKills
	case profiler.LeaderExit:
		if l.Leader.status == nil {
			l.Leader.status = &e.Status
		}
	}
	return nil
}

// onExec begins startup. A second leader takes over from a hook that the runtime ran inside: as long as
// nothing but startup has begun, it begins again.
func (l *Life) onExec(e profiler.Event) *profiler.Turn {
	l.Leader.exec, l.Leader.status = &e, nil
	again := len(l.turns) > 0 && l.turns[len(l.turns)-1].Phase == recording.PhaseStartup
	if again {
		l.turns = l.turns[:len(l.turns)-1]
	} else if slices.ContainsFunc(l.turns, func(t profiler.Turn) bool { return t.Phase == recording.PhaseStartup }) {
		return nil
	}
	l.Turn(e.Time, recording.PhaseStartup, recording.Trigger{Kind: "exec"})
	return &l.turns[len(l.turns)-1]
}

// Ready ends startup, unless something else did.
func (l *Life) Ready(turn profiler.Turn) bool {
	if !l.Recorder.Turn(l.Number, profiler.PhaseStartup, profiler.PhaseSteady) {
		return false
	}
	l.turns = append(l.turns, turn)
	return true
}

// Mark begins the phase that a user named, and returns its turn; nil if the workload is in it already.
// Setup and handover belong to tasks, and shutdown is final: nothing follows it.
func (l *Life) Mark(name string) (*profiler.Turn, error) {
	if name == recording.PhaseSetup || name == recording.PhaseHandover {
		return nil, fmt.Errorf("phase %q belongs to the container runtime: mark another", name)
	}
	id, err := l.names.ID(name)
	if err != nil {
		return nil, err
	}
	for {
		now := l.Phase()
		switch now {
		case id:
			return nil, nil
		case profiler.PhaseShutdown:
			return nil, fmt.Errorf("the workload is in its shutdown phase, which ends only with it: mark earlier")
		case profiler.PhaseSetup:
			return nil, fmt.Errorf("the workload has not started yet: mark later")
		}
		at := profiler.Now()
		if l.Recorder.Turn(l.Number, now, id) {
			l.Turn(at, name, recording.Trigger{Kind: "mark"})
			return &l.turns[len(l.turns)-1], nil
		}
	}
}

// Shutdown begins it for what a leader that has ended left behind: the kernel side turns the
// phase at signals to the leader only. Nil: it had begun.
func (l *Life) Shutdown(why string) *profiler.Turn {
	for {
		now, at := l.Phase(), profiler.Now()
		if now == profiler.PhaseShutdown {
			return nil
		}
		if l.Recorder.Turn(l.Number, now, profiler.PhaseShutdown) {
			l.Turn(at, recording.PhaseShutdown, recording.Trigger{Kind: "stop", Detail: why})
			return &l.turns[len(l.turns)-1]
		}
	}
}

// describeSignal says who sent it: "SIGTERM from pid 712 (bash)".
func describeSignal(e profiler.Event) string {
	name := SignalName(e.Signal)
	if e.FromKernel {
		return name + " from the kernel"
	}
	return fmt.Sprintf("%s from pid %d (%s)", name, e.PID, recording.CleanString(e.Comm))
}

// SignalName is SIGTERM and the like; real-time signals have none in x/sys.
func SignalName(s syscall.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", int(s))
}
