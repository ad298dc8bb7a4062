package profiler

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"github.com/cilium/ebpf/ringbuf"

	"github.com/scallop-sec/scallop/bpf"
)

// EventKind is what the kernel side tells at once.
type EventKind uint32

// Kinds of events.
const (
	LeaderExec = EventKind(bpf.ScallopEventKindEVENT_LEADER_EXEC) // startup begins
	StopSignal = EventKind(bpf.ScallopEventKindEVENT_STOP_SIGNAL) // shutdown begins
	KillSignal = EventKind(bpf.ScallopEventKindEVENT_KILL_SIGNAL) // SIGKILL to the leader
	LeaderExit = EventKind(bpf.ScallopEventKindEVENT_LEADER_EXIT)
	Born       = EventKind(bpf.ScallopEventKindEVENT_BIRTH) // see Birth
	Gone       = EventKind(bpf.ScallopEventKindEVENT_GONE)  // its cgroup was removed
)

// Event is one turn in the life of a workload's leader.
type Event struct {
	Time       int64 // as Now
	Kind       EventKind
	Workload   int
	PID        int    // of who did it: a signal's sender, else the leader
	Comm       string // of PID, raw bytes
	Exe        ExeID  // of LeaderExec
	Seccomp    int    // of LeaderExec: the leader's seccomp mode
	Signal     syscall.Signal
	FromKernel bool // Signal was sent by the kernel itself
	Status     syscall.WaitStatus
}

// ErrNoMoreEvents is returned by ReadEvent after DrainEvents, when all events that
// were there are read.
var ErrNoMoreEvents = errors.New("no more events")

// DrainEvents lets ReadEvent end once it has returned what is there.
func (r *Recorder) DrainEvents() error { return r.events.Flush() }

// ReadEvent waits for the next event.
func (r *Recorder) ReadEvent() (Event, error) {
	record, err := r.events.Read()
	if errors.Is(err, ringbuf.ErrFlushed) || errors.Is(err, ringbuf.ErrClosed) {
		return Event{}, ErrNoMoreEvents
	}
	if err != nil {
		return Event{}, fmt.Errorf("reading the ring buffer of events: %w", err)
	}
	return parseEvent(record.RawSample)
}

func parseEvent(raw []byte) (Event, error) {
	var e bpf.ScallopEvent
	if err := binary.Read(bytes.NewReader(raw), binary.NativeEndian, &e); err != nil {
		return Event{}, fmt.Errorf("an event of %d bytes: %w", len(raw), err)
	}
	return Event{
		Time:       int64(e.Time),
		Kind:       EventKind(e.Kind),
		Workload:   int(e.Workload),
		PID:        int(e.Tgid),
		Comm:       cString(e.Comm[:]),
		Exe:        ExeID{Inode: e.ExeInode, Device: e.ExeDevice},
		Seccomp:    int(e.Seccomp),
		Signal:     syscall.Signal(e.Signal),
		FromKernel: e.FromKernel != 0,
		Status:     syscall.WaitStatus(e.ExitCode),
	}, nil
}

// cString is what stands before the first NUL.
func cString(b []byte) string {
	s, _, _ := bytes.Cut(b, []byte{0})
	return string(s)
}
