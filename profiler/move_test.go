package profiler_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/cgroup/cgrouptest"
	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// stage is a workload in its steady phase, with a process of its own.
type stage struct {
	r       *profiler.Recorder
	c       *cgroup.Cgroup
	w       int
	program string
	own     *actor
}

func newStage(t *testing.T, opts profiler.Options) *stage {
	t.Helper()
	hosttest.Root(t)
	s := &stage{program: actorProgram(t)}
	opts.Sizes = profiler.SizesFor(4)
	s.r = start(t, opts)
	var id uint64
	s.c, id = newCgroup(t)
	s.own = startActor(t, s.program, s.c)
	s.w = add(t, s.r, profiler.WorkloadOptions{CgroupID: id, Class: cgroup.Whole, Phase: profiler.PhaseSteady, Leader: s.own.pid()})
	return s
}

func containers() profiler.Options { return profiler.Options{Containers: true} }

// What an outsider moves in is the runtime's until its execve: setup, and handover under a filter. The
// workload's own process stays in its phase all the while.
func TestMovedInByAnOutsider(t *testing.T) {
	s := newStage(t, containers())
	in := startActor(t, s.program, nil)
	move(t, in.pid(), s.c)
	in.do("p")
	s.own.do("u")
	wantSeen(t, s.r, s.w, unix.SYS_GETPPID, "setup:1")
	in.do("cpp")
	s.own.do("u")
	wantSeen(t, s.r, s.w, unix.SYS_GETPPID, "setup:1 handover:2")
	if n := s.r.Entrants(s.w); n != 1 {
		t.Errorf("%d entrants, want 1", n)
	}
	in.do("xp")
	s.own.do("u")
	wantSeen(t, s.r, s.w, unix.SYS_GETPPID, "setup:1 handover:2 steady:1")
	wantSeen(t, s.r, s.w, unix.SYS_GETUID, "steady:3")
	wantSeen(t, s.r, s.w, unix.SYS_EXECVE, "handover:1")
	if n := s.r.Entrants(s.w); n != 0 {
		t.Errorf("%d entrants after the execve", n)
	}
}

// One that moves itself in, as a shell does with echo $$ >cgroup.procs, is the same.
func TestMovesItselfIn(t *testing.T) {
	s := newStage(t, containers())
	procs, err := os.OpenFile(filepath.Join(s.c.Dir(), "cgroup.procs"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer procs.Close()
	in := startActor(t, s.program, nil, procs)
	in.tell("w0\n")
	in.await()
	in.do("pxp")
	wantSeen(t, s.r, s.w, unix.SYS_GETPPID, "setup:1 steady:1")
}

// The move itself tells no earlier than when it is done: the write to cgroup.procs is what is seen. A process that
// calls all the while, in many threads, makes not one call outside setup, 200 times.
func TestNoCallSlipsThroughAMove(t *testing.T) {
	for _, probe := range profiler.LosslessProbes() {
		t.Run(probe, func(t *testing.T) {
			s := newStage(t, profiler.Options{Containers: true, Probe: probe})
			outside, _ := newCgroup(t)
			in := startActor(t, s.program, outside)
			in.do("h")
			moves := hosttest.Times(200)
			for i := 0; i < moves || i < 5000 && seen(t, s.r, s.w, unix.SYS_GETPPID) == ""; i++ { // some make calls inside
				move(t, in.pid(), s.c)
				if i >= moves {
					time.Sleep(time.Millisecond) // they have had no CPU yet while they were inside
				}
				move(t, in.pid(), outside)
			}
			got := seen(t, s.r, s.w, unix.SYS_GETPPID)
			if !strings.HasPrefix(got, "setup:") || strings.Contains(got, " ") {
				t.Errorf("getppid seen in %q, want setup only", got)
			}
			sweep(t, s.r)
			if n := s.r.Entrants(s.w); n != 0 {
				t.Errorf("%d entrants after the last move out", n)
			}
		})
	}
}

// A workload's own processes are moved between its cgroups, by whomever: they remain its own.
func TestMovedWithin(t *testing.T) {
	for who, sort := range map[string]func(t *testing.T, s *stage, moved *actor, to *cgroup.Cgroup){
		"itself": func(t *testing.T, _ *stage, moved *actor, _ *cgroup.Cgroup) {
			moved.tell("w0\n")
			moved.await()
		},
		"a sibling": func(t *testing.T, s *stage, moved *actor, to *cgroup.Cgroup) {
			sibling := startActor(t, s.program, s.c, openProcs(t, to))
			sibling.tell(fmt.Sprintf("w%d\n", moved.pid()))
			sibling.await()
		},
		"an outsider": func(t *testing.T, _ *stage, moved *actor, to *cgroup.Cgroup) { move(t, moved.pid(), to) },
	} {
		t.Run(strings.ReplaceAll(who, " ", "-"), func(t *testing.T) {
			s := newStage(t, containers())
			for _, leader := range []bool{true, false} {
				to := cgrouptest.Below(t, s.c, fmt.Sprint("to-", leader))
				moved := s.own
				if who == "itself" || !leader {
					moved = startActor(t, s.program, s.c, openProcs(t, to))
				}
				if !leader { // a child of the workload's own
					moved.do("x")
				}
				sort(t, s, moved, to)
				moved.do("g")
			}
			wantSeen(t, s.r, s.w, unix.SYS_GETGID, "steady:2")
			if n := s.r.Entrants(s.w); n != 0 {
				t.Errorf("%d entrants", n)
			}
		})
	}
}

func openProcs(t *testing.T, c *cgroup.Cgroup) *os.File {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(c.Dir(), "cgroup.procs"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Nor is a single call of theirs misfiled while an outsider moves them.
func TestNoCallIsRefiledByAMoveWithin(t *testing.T) {
	s := newStage(t, containers())
	a, b := cgrouptest.Below(t, s.c, "a"), cgrouptest.Below(t, s.c, "b")
	s.own.do("h")
	for range hosttest.Times(100) {
		move(t, s.own.pid(), a)
		move(t, s.own.pid(), b)
	}
	if got := seen(t, s.r, s.w, unix.SYS_GETPPID); !strings.HasPrefix(got, "steady:") || strings.Contains(got, " ") {
		t.Errorf("getppid seen in %q, want steady only", got)
	}
}

// Moves that the kernel refuses leave nothing behind: of a process that does not exist, and of one that lives
// on outside.
func TestFailedMove(t *testing.T) {
	hosttest.Cgroup2(t, "cgroup.type")
	s := newStage(t, containers())
	outside, _ := newCgroup(t)
	threaded, refusing := cgrouptest.Below(t, s.c, "threaded"), cgrouptest.Below(t, s.c, "refusing")
	if err := os.WriteFile(filepath.Join(threaded.Dir(), "cgroup.type"), []byte("threaded"), 0); err != nil {
		t.Fatal(err)
	}
	gone := startActor(t, s.program, nil)
	gone.tell("q")
	if err := gone.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	alive := startActor(t, s.program, outside)
	for _, pid := range []int{gone.pid(), alive.pid()} {
		if err := tryMove(pid, refusing); err == nil {
			t.Fatalf("moving process %d was not refused", pid)
		}
	}
	if n := s.r.Entrants(s.w); n != 2 {
		t.Fatalf("%d entrants after two writes: the test proves nothing", n)
	}
	sweep(t, s.r)
	if n := s.r.Entrants(s.w); n != 0 {
		t.Errorf("%d entrants after sweeping", n)
	}
	if held, err := s.r.Held(); err != nil || held["entrants"] != 0 {
		t.Errorf("held %v, %v", held, err)
	}
}

func sweep(t *testing.T, r *profiler.Recorder) {
	t.Helper()
	var strays profiler.Strays
	for range 3 {
		var err error
		if strays, _, err = r.SweepEntrants(strays); err != nil {
			t.Fatal(err)
		}
	}
}

// Sweeping does not touch a process that did join.
func TestSweepKeepsEntrants(t *testing.T) {
	s := newStage(t, containers())
	in := startActor(t, s.program, nil)
	move(t, in.pid(), s.c)
	sweep(t, s.r)
	in.do("p")
	wantSeen(t, s.r, s.w, unix.SYS_GETPPID, "setup:1")
}

// What an entrant starts is an entrant, until its own execve; and one that ends without an execve is forgotten.
func TestForkByAnEntrant(t *testing.T) {
	s := newStage(t, containers())
	in := startActor(t, s.program, nil)
	move(t, in.pid(), s.c)
	in.do("fp")
	wantSeen(t, s.r, s.w, unix.SYS_GETPPID, "setup:1")
	if n := s.r.Entrants(s.w); n != 2 {
		t.Errorf("%d entrants, want parent and child", n)
	}
	in.do("xpq") // the child is the workload's own, and ends; the parent answers
	in.do("u")
	wantSeen(t, s.r, s.w, unix.SYS_GETPPID, "setup:1 steady:1")
	wantSeen(t, s.r, s.w, unix.SYS_GETUID, "setup:1")
	if err := in.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = in.cmd.Wait()
	if n := s.r.Entrants(s.w); n != 0 {
		t.Errorf("%d entrants after the last one's end", n)
	}
}

// A runtime like youki: a process that moves itself in starts the container's first one, which confines itself and makes
// its execve, while the other goes on outside of every phase of the workload's own.
func TestMovesItselfInAndForks(t *testing.T) {
	hosttest.Root(t)
	r := start(t, profiler.Options{Sizes: profiler.SizesFor(4), Containers: true})
	top, id := newCgroup(t)
	follow(t, r, id)
	program := actorProgram(t)
	c := cgrouptest.Below(t, top, strings.Repeat("cd", 32))
	w := workloadOf(t, r, c)
	in := startActor(t, program, nil, openProcs(t, c))
	in.tell("w0\n")
	in.await()
	in.do("pfu") // from here on its child answers
	in.do("cg")
	if phase := r.Phase(w); phase != profiler.PhaseSetup {
		t.Errorf("phase %d before the execve", phase)
	}
	in.do("xsq")
	in.do("p") // its parent again
	wantSeen(t, r, w, unix.SYS_GETPPID, "setup:2")
	wantSeen(t, r, w, unix.SYS_GETUID, "setup:1")
	wantSeen(t, r, w, unix.SYS_GETGID, "handover:1")
	wantSeen(t, r, w, unix.SYS_EXECVE, "handover:1")
	wantSeen(t, r, w, unix.SYS_GETSID, "startup:1")
}

// Born into a workload by CLONE_INTO_CGROUP is no different from moved in.
func TestBornIn(t *testing.T) {
	s := newStage(t, containers())
	in := startActor(t, s.program, s.c) // its calls before the execve are the test's own copy's
	in.do("p")
	wantSeen(t, s.r, s.w, unix.SYS_GETPPID, "steady:1")
	wantSeen(t, s.r, s.w, unix.SYS_EXECVE, "setup:1")
}

// Writes that are no moves leave no trace.
func TestOddWrites(t *testing.T) {
	s := newStage(t, containers())
	f := openProcs(t, s.c)
	for _, text := range []string{"x\n", "-1\n", "99999999999999\n", "4194305\n", "", "1 2\n", "0x\n", string(bytes.Repeat([]byte("1"), 5000))} {
		_, _ = f.WriteString(text)
	}
	sweep(t, s.r)
	if n := s.r.Entrants(s.w); n != 0 {
		t.Errorf("%d entrants", n)
	}
}
