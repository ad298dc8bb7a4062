package life

import (
	"fmt"
	"syscall"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Leader is what is known of the workload's first own process.
type Leader struct {
	PID  int    // if it is known without the kernel side's word
	Exe  string // likewise
	User string // "uid:gid" as started, if scallop started it

	exec    *profiler.Event
	kill    *profiler.Event
	status  *syscall.WaitStatus
	oomKill bool
}

// Exited takes the status from wait(2), which tells more than the kernel side.
func (l *Leader) Exited(status syscall.WaitStatus) { l.status = &status }

// Known tells whether it is known which process leads.
func (l *Leader) Known() bool { return l.PID != 0 || l.exec != nil }

// Ended tells whether the leader has.
func (l *Leader) Ended() bool { return l.status != nil }

// result is the leader's exit code, or the signal that ended it; -1 and "" as long as
// it lives.
func (l *Leader) result() (code int, signal string) {
	if l.status == nil {
		return -1, ""
	}
	if l.status.Signaled() {
		return -1, SignalName(l.status.Signal())
	}
	return l.status.ExitStatus(), ""
}

// describe fills the leader's part of a recording's workload.
func (l *Leader) describe(w *recording.Workload, exes map[profiler.ExeID]string, stopped bool) {
	w.Leader = recording.Leader{PID: l.PID, Exe: recording.CleanString(l.Exe), User: l.User, End: l.end(stopped)}
	if e := l.exec; e != nil {
		if l.PID == 0 {
			w.Leader.PID = e.PID
		}
		w.Leader.Exe = recording.CleanString(exes[e.Exe])
		w.Seccomp = e.Seccomp
	}
	if code, signal := l.result(); signal != "" {
		w.Leader.Signal = signal
	} else if code >= 0 {
		w.Leader.ExitCode = &code
	}
}

// end is one sentence for people; stopped: there was a stop signal.
func (l *Leader) end(stopped bool) string {
	code, signal := l.result()
	switch {
	case l.status == nil:
		return "still running"
	case signal == "" && stopped:
		return fmt.Sprintf("exited with code %d after its stop signal", code)
	case signal == "":
		return fmt.Sprintf("exited by itself with code %d: it was never told to stop", code)
	case signal == "SIGKILL" && l.oomKill:
		return "was killed by SIGKILL from the kernel: out of memory"
	case signal == "SIGKILL" && l.kill != nil:
		return "was killed by " + describeSignal(*l.kill)
	default:
		return "was killed by " + signal
	}
}
