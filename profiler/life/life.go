// Package life follows one workload of a recorder from its begin to its end: which phases it
// went through, who its leader is, what was last seen when. The result is a recording.
package life

import (
	"fmt"
	"time"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Options of a life.
type Options struct {
	Recorder *profiler.Recorder
	Number   int    // of the workload in the recorder
	Tool     string // version of scallop
	Host     recording.Host
	About    recording.Workload // what is known of the workload, its leader left out
	Start    int64              // as profiler.Now
	Clock    time.Time          // at Start
}

// Life is one workload's. Only one goroutine touches it.
type Life struct {
	Options
	Leader Leader

	id       string
	oomKills int // of the host, before
	names    *profiler.PhaseNames
	last     profiler.LastSeen
	turns    []profiler.Turn
	gaps     []recording.Gap
	failures []string // reasons for an incomplete recording
}

// New begins with no phase at all: Turn tells of the first one.
func New(opts Options) *Life {
	return &Life{
		Options:  opts,
		id:       recording.NewID(),
		oomKills: profiler.OOMKills(),
		names:    profiler.NewPhaseNames(),
		last:     profiler.LastSeen{},
	}
}

// Turn notes the begin of a phase, which the kernel side knows of already.
func (l *Life) Turn(at int64, phase string, trigger recording.Trigger) {
	l.turns = append(l.turns, profiler.Turn{Time: at, Phase: phase, Trigger: trigger})
}

// Fail notes a reason why the recording is incomplete.
func (l *Life) Fail(format string, args ...any) {
	l.failures = append(l.failures, fmt.Sprintf(format, args...))
}

// Turns are the begins of phases so far.
func (l *Life) Turns() []profiler.Turn { return l.turns }

// Phase is the current one of the workload's own processes.
func (l *Life) Phase() profiler.PhaseID { return l.Recorder.Phase(l.Number) }

// LastNew is when a call was last seen for the first time, as profiler.Now.
func (l *Life) LastNew() int64 { return l.Recorder.LastNew(l.Number) }

// Look takes a snapshot into account, for "last seen", and returns what is in it for the first
// time.
func (l *Life) Look(s *profiler.Snapshot) []profiler.Call {
	if s == nil {
		return nil // no call yet
	}
	return l.last.Look(s)
}

// PhaseName is the name of a phase of this workload.
func (l *Life) PhaseName(id profiler.PhaseID) string { return l.names.Name(id) }
