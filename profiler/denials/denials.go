// Package denials sees what seccomp filters deny while it happens, without auditd: a denied
// call has an exit and no entry, or sends SIGSYS. Its thin edge (Watcher) reads the kernel side; docs/denials.md
// tells how that works.
package denials

import (
	"cmp"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/bpf/denials"
	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Action is what a filter did, as far as it shows.
type Action string

// Actions. SCMP_ACT_NOTIFY, and SCMP_ACT_TRACE without a tracer, look like SCMP_ACT_ERRNO to the kernel side.
const (
	Errno       = Action("errno")        // the call returned a value that the filter chose
	Trap        = Action("trap")         // SIGSYS, which the task may handle
	KillThread  = Action("kill_thread")  // the thread's end, but not its process's
	KillProcess = Action("kill_process") // the end of all its threads
	Kill        = Action("kill")         // either of them: of a process's only thread; before Linux 5.16, KillProcess always
	Trace       = Action("trace")        // a tracer, which the filter had asked, skipped the call
)

var actions = map[denials.DenialsAction]Action{
	denials.DenialsActionACTION_ERRNO:        Errno,
	denials.DenialsActionACTION_TRAP:         Trap,
	denials.DenialsActionACTION_KILL:         Kill,
	denials.DenialsActionACTION_TRACE:        Trace,
	denials.DenialsActionACTION_KILL_THREAD:  KillThread,
	denials.DenialsActionACTION_KILL_PROCESS: KillProcess,
}

// Denial is one (workload, phase, ABI, number, action, returned value), how often it was denied,
// and who was the first.
type Denial struct {
	Workload int              // its number in the recorder
	Phase    profiler.PhaseID // PhaseHandover: of whoever starts the workload
	ABI      syscalls.ABI
	Nr       int
	Action   Action
	Return   int64 // of Errno and Trace: what the call returned, -38 for ENOSYS
	Count    uint64
	First    profiler.First
	Last     int64 // as profiler.Now
	// Traced: a debugger was attached to the first one. It can skip calls as well as a filter.
	Traced bool
	// Args are those of the first one; of calls with fewer, what else was in the registers.
	Args [6]uint64
	// Stack is the user stack of the first one, from the call outwards; nil without Options.Stacks.
	Stack []uint64
}

// Name of the call, empty if no table knows its number.
func (d *Denial) Name() string {
	name, _ := syscalls.Name(d.ABI, d.Nr)
	return name
}

// Reasons of losses.
const (
	LossDenialsFull = "denials_no_room"   // denials not counted: too many kinds
	LossTasksFull   = "tasks_no_room"     // tasks whose denials are not seen
	LossUnsure      = "begun_before"      // exits of calls that may have begun before the watch
	LossMissed      = "denials_recursion" // runs of its programs that the kernel skipped, for any task
)

var lossNames = map[denials.DenialsDenialLoss]string{
	denials.DenialsDenialLossLOSS_DENIALS_FULL: LossDenialsFull,
	denials.DenialsDenialLossLOSS_TASKS_FULL:   LossTasksFull,
	denials.DenialsDenialLossLOSS_UNSURE:       LossUnsure,
}

// Snapshot is what was denied so far, sorted.
type Snapshot struct {
	Denials []Denial
	Judged  []Judged
	Losses  map[string]uint64
}

// Of is what workload w was denied.
func (s *Snapshot) Of(w int) []Denial {
	return slices.DeleteFunc(slices.Clone(s.Denials), func(d Denial) bool { return d.Workload != w })
}

func denialOf(k denials.DenialsDenialKey, v denials.DenialsDenial) Denial {
	return Denial{
		Workload: int(k.Workload),
		Phase:    profiler.PhaseID(k.Phase),
		ABI:      profiler.ABI(int(k.Abi)),
		Nr:       int(int32(k.Nr)),
		Action:   actions[denials.DenialsAction(k.Action)],
		Return:   k.Ret,
		Count:    v.Count,
		First: profiler.First{
			Time: int64(v.First),
			PID:  int(v.Tgid),
			TID:  int(v.Tid),
			Comm: recording.CleanString(unix.ByteSliceToString(v.Comm[:])),
			Exe:  profiler.ExeID{Inode: v.ExeInode, Device: v.ExeDevice},
		},
		Last:   int64(v.Last),
		Traced: v.Traced != 0,
		Args:   v.Args,
	}
}

// sortDenials puts them in an order that does not depend on the kernel's hash.
func sortDenials(list []Denial) {
	slices.SortFunc(list, func(a, b Denial) int {
		return cmp.Or(
			cmp.Compare(a.Workload, b.Workload),
			cmp.Compare(a.First.Time, b.First.Time),
			cmp.Compare(a.Phase, b.Phase),
			cmp.Compare(a.ABI, b.ABI),
			cmp.Compare(a.Nr, b.Nr),
			cmp.Compare(a.Action, b.Action),
			cmp.Compare(a.Return, b.Return),
		)
	})
}
