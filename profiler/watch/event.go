package watch

import (
	"time"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Kinds of log events.
const (
	EventRecording = "recording" // everything is attached
	EventWorkload  = "workload"  // one is being recorded
	EventPhase     = "phase"     // one began
	EventSyscall   = "syscall"   // one was seen for the first time in its phase
	EventEnd       = "end"       // a workload's file is written
)

// Event is one line of the log. Strings are clean for printing.
type Event struct {
	Time     time.Time          `json:"time"`
	Kind     string             `json:"event"`
	Version  string             `json:"apiVersion,omitempty"` // of recording: recording.APIVersion
	Workload string             `json:"workload,omitempty"`
	Pod      string             `json:"pod,omitempty"`    // its name: workloads of several may have one name
	Cgroup   string             `json:"cgroup,omitempty"` // of a workload: no other has it
	Type     string             `json:"kind,omitempty"`   // of a workload, as in its recording
	ID       string             `json:"id,omitempty"`     // of a container
	Phase    string             `json:"phase,omitempty"`
	Trigger  *recording.Trigger `json:"trigger,omitempty"`
	ABI      string             `json:"abi,omitempty"`
	Nr       *int               `json:"nr,omitempty"`
	Name     string             `json:"name,omitempty"`
	Comm     string             `json:"comm,omitempty"`
	File     string             `json:"file,omitempty"`
	Complete *bool              `json:"complete,omitempty"`
	// UnwatchedNs, of recording, is how long a pinned kernel side was alone before.
	UnwatchedNs int64 `json:"unwatchedNs,omitempty"`
}

func (w *watch) log(one *workload, e Event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	about := one.life.About
	e.Workload, e.Cgroup = about.Name, about.Cgroup
	if about.Container != nil && about.Container.Pod != nil {
		e.Pod = about.Container.Pod.Name
	}
	w.opts.Log(e)
}

// logTurn tells of a phase, once the workload is known to be wanted.
func (w *watch) logTurn(one *workload, turn *profiler.Turn) {
	if turn == nil || one.state != wanted {
		return
	}
	at := one.life.Clock.Add(time.Duration(turn.Time - one.life.Start))
	w.log(one, Event{Kind: EventPhase, Time: at, Phase: turn.Phase, Trigger: &turn.Trigger})
}

func (w *watch) logCall(one *workload, c profiler.Call) {
	abi := profiler.ABI(c.ABI)
	name, _ := syscalls.Name(abi, c.Nr)
	w.log(one, Event{
		Kind: EventSyscall, Time: one.life.Clock.Add(time.Duration(c.First.Time - one.life.Start)),
		Phase: one.life.PhaseName(c.Phase), ABI: string(abi), Nr: &c.Nr, Name: name,
		Comm: recording.CleanString(c.First.Comm),
	})
}
