package session

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// newID is 32 hexadecimal digits.
func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // cannot fail: crypto/rand, since Go 1.24
	return hex.EncodeToString(id[:])
}

// look reads the counters, for "last seen".
func (s *session) look() {
	snapshot, err := s.recorder.Snapshot(workload)
	if err != nil {
		s.opts.Warn("%v", err)
		return
	}
	s.last.Look(snapshot)
}

// finish reads everything for the last time: no process is left that could
// change it.
func (s *session) finish() (*recording.Recording, error) {
	if err := s.recorder.DrainEvents(); err != nil {
		s.fail("events may be missing: %v", err)
	} else {
		for event := range s.events {
			s.onEvent(event)
		}
	}
	return s.recording()
}

// recording is the file as it stands; reasons make it an incomplete one.
func (s *session) recording(reasons ...string) (*recording.Recording, error) {
	snapshot, err := s.recorder.Snapshot(workload)
	if err != nil {
		return nil, err
	}
	s.last.Look(snapshot)
	end := profiler.Now()
	phases := profiler.Timeline(profiler.Complete(s.turns, snapshot, s.names), s.start, end)
	reasons = slices.Concat(reasons, s.failures, lossReasons(snapshot.Losses))
	r := &recording.Recording{
		APIVersion: recording.APIVersion,
		Kind:       recording.Kind,
		ID:         s.id,
		Tool:       s.opts.Tool,
		Complete:   len(reasons) == 0,
		Incomplete: reasons,
		StartedAt:  s.startedAt,
		DurationNs: end - s.start,
		Workload:   s.workload(snapshot.Exes),
		Host:       s.host,
		Phases:     phases,
		Unreached:  profiler.Unreached(phases),
		Losses:     snapshot.Losses,
		Syscalls:   profiler.Evidence(snapshot, s.last, s.names, s.start),
	}
	return r, nil
}

func lossReasons(losses map[string]uint64) []string {
	var reasons []string
	for _, name := range slices.Sorted(maps.Keys(losses)) {
		if losses[name] > 0 {
			reasons = append(reasons, fmt.Sprintf("%d lost: %s", losses[name], name))
		}
	}
	return reasons
}

func (s *session) workload(exes map[profiler.ExeID]string) recording.Workload {
	w := recording.Workload{
		Name:   recording.CleanString(s.opts.Name),
		Kind:   "command",
		Cgroup: s.cgroup.Path,
		Leader: recording.Leader{PID: s.cmd.Process.Pid, End: s.leaderEnd()},
	}
	for _, arg := range s.opts.Launch.Args {
		w.Command = append(w.Command, recording.CleanString(arg))
	}
	if s.opts.Launch.User != nil {
		w.Leader.User = s.opts.Launch.User.String()
	}
	if e := s.leader.exec; e != nil {
		w.Leader.Exe = recording.CleanString(exes[e.Exe])
		w.Seccomp = e.Seccomp
	}
	if code, signal := s.leader.result(); signal != "" {
		w.Leader.Signal = signal
	} else if code >= 0 {
		w.Leader.ExitCode = &code
	}
	return w
}

// result is the leader's exit code, or the signal that ended it; -1 and "" as long as
// it lives.
func (l *leader) result() (code int, signal string) {
	if l.state == nil {
		return -1, ""
	}
	status := waitStatus(l.state)
	if status.Signaled() {
		return -1, signalName(status.Signal())
	}
	return status.ExitStatus(), ""
}

// leaderEnd is one sentence for people.
func (s *session) leaderEnd() string {
	code, signal := s.leader.result()
	switch {
	case s.leader.state == nil:
		return "still running"
	case signal == "" && s.toldToStop():
		return fmt.Sprintf("exited with code %d after its stop signal", code)
	case signal == "":
		return fmt.Sprintf("exited by itself with code %d: it was never told to stop", code)
	case signal == "SIGKILL" && s.leader.oomKill:
		return "was killed by SIGKILL from the kernel: out of memory"
	case signal == "SIGKILL" && s.leader.kill != nil:
		return "was killed by " + describeSignal(*s.leader.kill)
	default:
		return "was killed by " + signal
	}
}

func (s *session) toldToStop() bool {
	return slices.ContainsFunc(s.turns, func(t profiler.Turn) bool { return t.Phase == recording.PhaseShutdown })
}
