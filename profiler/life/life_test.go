package life

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/recording"
)

func newLife(r *profiler.Recorder, number int) *Life {
	return New(Options{Recorder: r, Number: number, Tool: "test", Host: recording.Host{Architecture: "x86_64"}, About: recording.Workload{Name: "web", Kind: recording.KindCgroup}, Start: 1000, Clock: time.Unix(1, 0)})
}

func phases(r *recording.Recording) string {
	var names []string
	for _, p := range r.Phases {
		names = append(names, p.Name)
	}
	return strings.Join(names, " ")
}

func empty() *profiler.Snapshot {
	return &profiler.Snapshot{Exes: map[profiler.ExeID]string{{Inode: 1}: "/hook", {Inode: 2}: "/bin/web"}, Losses: map[string]uint64{}}
}

// A hook that the runtime ran inside is taken for the leader until the real one makes its execve: startup begins
// again with that.
func TestSecondLeader(t *testing.T) {
	l := newLife(nil, 0)
	l.Turn(1000, recording.PhaseSetup, recording.Trigger{Kind: "start"})
	for _, e := range []profiler.Event{
		{Kind: profiler.LeaderExec, Time: 2000, PID: 10, Exe: profiler.ExeID{Inode: 1}, Seccomp: 0},
		{Kind: profiler.LeaderExit, Time: 3000, PID: 10, Status: 0},
		{Kind: profiler.LeaderExec, Time: 4000, PID: 9, Exe: profiler.ExeID{Inode: 2}, Seccomp: 2},
	} {
		if turn := l.Event(e); (turn != nil) != (e.Kind == profiler.LeaderExec) {
			t.Errorf("event %+v: turn %+v", e, turn)
		}
	}
	r := l.Recording(empty())
	if phases(r) != "setup startup" || r.Phases[1].StartNs != 3000 {
		t.Errorf("phases %+v", r.Phases)
	}
	if w := r.Workload; w.Leader.PID != 9 || w.Leader.Exe != "/bin/web" || w.Leader.End != "still running" || w.Seccomp != 2 || w.Leader.ExitCode != nil {
		t.Errorf("workload %+v", w)
	}
	// Later ones do not begin startup again.
	l.Event(profiler.Event{Kind: profiler.StopSignal, Time: 5000, PID: 1, Comm: "systemd", Signal: syscall.SIGTERM})
	if turn := l.Event(profiler.Event{Kind: profiler.LeaderExec, Time: 6000, PID: 11}); turn != nil {
		t.Errorf("an execve in shutdown begins %s", turn.Phase)
	}
}

// How a leader's life ended, in one sentence.
func TestEnds(t *testing.T) {
	const killedBy9, core = 9, 0x80
	stop := profiler.Event{Kind: profiler.StopSignal, Signal: syscall.SIGTERM, PID: 7, Comm: "docker\x1b"}
	for want, events := range map[string][]profiler.Event{
		"still running": nil,
		"exited with code 7 after its stop signal":                {stop, {Kind: profiler.LeaderExit, Status: 7 << 8}},
		"exited by itself with code 0: it was never told to stop": {{Kind: profiler.LeaderExit, Status: 0}},
		`was killed by SIGKILL from pid 7 (sh\x1b)`:               {{Kind: profiler.KillSignal, Signal: syscall.SIGKILL, PID: 7, Comm: "sh\x1b"}, {Kind: profiler.LeaderExit, Status: killedBy9}},
		"was killed by SIGKILL from the kernel":                   {{Kind: profiler.KillSignal, Signal: syscall.SIGKILL, FromKernel: true}, {Kind: profiler.LeaderExit, Status: killedBy9}},
		"was killed by SIGKILL":                                   {{Kind: profiler.LeaderExit, Status: killedBy9}},
		"was killed by SIGSEGV":                                   {{Kind: profiler.LeaderExit, Status: 11 | core}},
		"was killed by signal 35":                                 {{Kind: profiler.LeaderExit, Status: 35}},
	} {
		l := newLife(nil, 0)
		for _, e := range events {
			l.Event(e)
		}
		r := l.Recording(empty())
		if got := r.Workload.Leader.End; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if _, err := recording.Encode(r); err != nil {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// What is incomplete says why.
func TestReasons(t *testing.T) {
	l := newLife(nil, 0)
	s := empty()
	if r := l.Recording(s); !r.Complete || len(r.Incomplete) > 0 {
		t.Errorf("incomplete: %q", r.Incomplete)
	}
	s.Losses["events_dropped"], s.Losses["calls_no_room"] = 2, 1
	l.Fail("no %s", "events")
	r := l.Recording(s, Partial)
	if want := []string{Partial, "no events", "1 lost: calls_no_room", "2 lost: events_dropped"}; r.Complete || !slices.Equal(r.Incomplete, want) {
		t.Errorf("complete %v: %q", r.Complete, r.Incomplete)
	}
	if again := l.Recording(empty()); again.ID != r.ID || newLife(nil, 0).id == r.ID {
		t.Errorf("IDs %s and %s", again.ID, r.ID)
	}
}

// Marks and readiness move the kernel side's phase, and never out of shutdown or setup.
func TestMarks(t *testing.T) {
	hosttest.Root(t)
	recorder, err := profiler.Open(profiler.Options{Sizes: profiler.SizesFor(1)})
	if err != nil {
		t.Fatal(err)
	}
	defer recorder.Close()
	number, err := recorder.AddWorkload(profiler.WorkloadOptions{CgroupID: 1 << 40, Phase: profiler.PhaseSetup})
	if err != nil {
		t.Fatal(err)
	}
	l := newLife(recorder, number)
	steady := profiler.Turn{Time: 2000, Phase: recording.PhaseSteady}
	if _, err := l.Mark("steady"); err == nil || l.Ready(steady) {
		t.Errorf("before startup: mark %v", err)
	}
	recorder.Turn(number, profiler.PhaseSetup, profiler.PhaseStartup)
	if !l.Ready(steady) || l.Ready(steady) {
		t.Error("ready once, and only once")
	}
	for _, name := range []string{"reload", "reload", "steady", "setup", "handover", "Not a name!", ""} {
		turn, err := l.Mark(name)
		switch name {
		case "reload", "steady":
			if again := len(l.Turns()) > 1 && turn == nil; err != nil || !again && turn.Phase != name {
				t.Errorf("%q: %+v, %v", name, turn, err)
			}
		default:
			if err == nil {
				t.Errorf("%q is accepted", name)
			}
		}
	}
	if turn := l.Shutdown("told so"); turn == nil || l.Shutdown("again") != nil || l.Phase() != profiler.PhaseShutdown {
		t.Errorf("shutdown: %+v", turn)
	}
	if _, err := l.Mark("steady"); err == nil {
		t.Error("a mark in shutdown is accepted")
	}
	var names []string
	for _, turn := range l.Turns() {
		names = append(names, turn.Phase)
	}
	if got := strings.Join(names, " "); got != "steady reload steady shutdown" {
		t.Errorf("turns %s", got)
	}
	for i := range 20 {
		l.names.ID(string(rune('a' + i)))
	}
	if _, err := l.names.ID("one-too-many"); err == nil {
		t.Error("more phases than there is room for")
	}
}
