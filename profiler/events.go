package profiler

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

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

// DrainEvents lets ReadEvents end once it has passed on what is there.
func (r *Recorder) DrainEvents() error { return r.events.Flush() }

// ReadEvents passes events on until they are drained or the recorder is closed, then closes the channel.
func (r *Recorder) ReadEvents(to chan<- Event) {
	defer close(to)
	for {
		record, err := r.events.Read()
		if errors.Is(err, ringbuf.ErrFlushed) || errors.Is(err, ringbuf.ErrClosed) {
			return
		}
		if err != nil {
			continue // the kernel side makes no broken records
		}
		if event, err := parseEvent(record.RawSample); err == nil { // nor events
			to <- event
		}
	}
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
		Comm:       unix.ByteSliceToString(e.Comm[:]),
		Exe:        ExeID{Inode: e.ExeInode, Device: e.ExeDevice},
		Seccomp:    int(e.Seccomp),
		Signal:     syscall.Signal(e.Signal),
		FromKernel: e.FromKernel != 0,
		Status:     syscall.WaitStatus(e.ExitCode),
	}, nil
}
