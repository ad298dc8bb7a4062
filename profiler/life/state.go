package life

import (
	"syscall"
	"time"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// State is a life as plain data, for a scallop that goes on where another was killed.
type State struct {
	ID       string              `json:"id"`
	Start    int64               `json:"start"`
	Clock    time.Time           `json:"clock"`
	OOMKills int                 `json:"oomKills"`
	About    recording.Workload  `json:"about"`
	Marked   []string            `json:"marked,omitempty"`
	Turns    []profiler.Turn     `json:"turns"`
	Gaps     []recording.Gap     `json:"gaps,omitempty"`
	Failures []string            `json:"failures,omitempty"`
	Seen     profiler.Saved      `json:"seen,omitempty"`
	PID      int                 `json:"pid,omitempty"`
	Exe      string              `json:"exe,omitempty"`
	Exec     *profiler.Event     `json:"exec,omitempty"`
	Kill     *profiler.Event     `json:"kill,omitempty"`
	Status   *syscall.WaitStatus `json:"status,omitempty"`
	OOMKill  bool                `json:"oomKill,omitempty"`
}

// State as it is now.
func (l *Life) State() State {
	return State{
		ID: l.id, Start: l.Start, Clock: l.Clock, OOMKills: l.oomKills, About: l.About,
		Marked: l.names.Marked(), Turns: l.turns, Gaps: l.gaps, Failures: l.failures, Seen: l.last.Save(),
		PID: l.Leader.PID, Exe: l.Leader.Exe, Exec: l.Leader.exec, Kill: l.Leader.kill, Status: l.Leader.status, OOMKill: l.Leader.oomKill,
	}
}

// Restore goes on with a life after a time in which nobody watched: since is its begin, as profiler.Now.
func Restore(opts Options, s State, since int64) (*Life, error) {
	opts.About, opts.Start, opts.Clock = s.About, s.Start, s.Clock
	l := New(opts)
	l.id, l.oomKills = s.ID, s.OOMKills
	l.turns, l.failures, l.last = s.Turns, s.Failures, profiler.LastSeenOf(s.Seen)
	for _, name := range s.Marked {
		if _, err := l.names.ID(name); err != nil {
			return nil, err
		}
	}
	l.Leader = Leader{PID: s.PID, Exe: s.Exe, exec: s.Exec, kill: s.Kill, status: s.Status, oomKill: s.OOMKill}
	l.gaps = append(s.Gaps, recording.Gap{StartNs: max(0, since-l.Start), EndNs: max(0, profiler.Now()-l.Start)})
	return l, nil
}
