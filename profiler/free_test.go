package profiler_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/cgroup/cgrouptest"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/launch"
)

func launchIn(t *testing.T, c *cgroup.Cgroup, args ...string) *exec.Cmd {
	t.Helper()
	cmd, err := launch.Start(launch.Options{Args: args, Cgroup: c})
	if err != nil {
		t.Fatal(err)
	}
	return cmd
}

// follow lets cgroups below this one be workloads from their birth on.
func follow(t *testing.T, r *profiler.Recorder, id uint64) {
	t.Helper()
	if err := r.Follow(id, cgroup.Plain); err != nil {
		t.Fatal(err)
	}
}

// tiny has room for a few workloads of a few calls: a leak of one element shows in the next round.
var tiny = profiler.Sizes{Workloads: 3, Cgroups: 8, Calls: 80, Exes: 6, Entrants: 4}

// Everything that ended workloads held can be used again, and the second life in it begins at zero.
func TestFreeGivesEverythingBack(t *testing.T) {
	hosttest.Root(t)
	hosttest.Cgroup2(t, "the helper that is moved in takes more room than there is")
	r := start(t, profiler.Options{Sizes: tiny, Containers: true})
	top, id := newCgroup(t)
	follow(t, r, id)
	program := actorProgram(t)
	empty, err := r.Held()
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		var numbers []int
		for i := range tiny.Workloads {
			c := cgrouptest.Below(t, top, fmt.Sprintf("life-%d-%d", round, i))
			numbers = append(numbers, workloadOf(t, r, c))
			// One that was about to join and did not: its entry would count against the next life.
			_ = tryMove(1<<22-1-i, c)
			a := startActor(t, program, c)
			a.do(strings.Repeat("p", i+round+1))
			a.tell("q")
			if err := a.cmd.Wait(); err != nil {
				t.Fatal(err)
			}
			if err := c.Remove(); err != nil {
				t.Fatal(err)
			}
		}
		for i, w := range numbers {
			wantSeen(t, r, w, unix.SYS_GETPPID, fmt.Sprintf("startup:%d", i+round+1))
			s, err := r.Snapshot(w)
			if err != nil {
				t.Fatal(err)
			}
			for reason, n := range s.Losses {
				if n > 0 {
					t.Errorf("round %d, workload %d: %d lost: %s", round, w, n, reason)
				}
			}
			if phase := r.Phase(w); phase != profiler.PhaseStartup {
				t.Errorf("round %d, workload %d: phase %d", round, w, phase)
			}
		}
		if err := r.Free(numbers); err != nil {
			t.Fatal(err)
		}
		for _, w := range numbers {
			if _, ok := r.Birth(w); ok || r.Entrants(w) != 0 || r.Phase(w) != profiler.PhaseSetup || r.LastNew(w) != 0 {
				t.Errorf("round %d: workload %d is not as new", round, w)
			}
			wantSeen(t, r, w, unix.SYS_GETPPID, "")
		}
		if held, err := r.Held(); err != nil || fmt.Sprint(held) != fmt.Sprint(empty) {
			t.Errorf("round %d: %v is held, %v before (%v)", round, held, empty, err)
		}
	}
	if n := r.HostLosses()[profiler.LossWorkloadsFull]; n != 0 {
		t.Errorf("%d workloads lost", n)
	}
}

// A workload that is ignored is not counted any more, though it goes on; who has its number next gets none of
// its calls, and births below it are still seen.
func TestIgnore(t *testing.T) {
	hosttest.Root(t)
	sizes := profiler.SizesFor(1)
	sizes.Workloads = 2
	for _, born := range []bool{true, false} {
		t.Run(fmt.Sprintf("born=%v", born), func(t *testing.T) {
			r := start(t, profiler.Options{Sizes: sizes, Containers: true})
			top, id := newCgroup(t)
			if born {
				follow(t, r, id)
			}
			first := cgrouptest.Below(t, top, "first")
			if !born {
				add(t, r, profiler.WorkloadOptions{CgroupID: idOf(t, first), Phase: profiler.PhaseStartup})
			}
			w := workloadOf(t, r, first)
			program := actorProgram(t)
			a := startActor(t, program, first)
			a.do("pp")
			if err := r.Ignore(w); err != nil {
				t.Fatal(err)
			}
			a.do("ppp")
			wantSeen(t, r, w, unix.SYS_GETPPID, "startup:2")
			if err := r.Free([]int{w}); err != nil {
				t.Fatal(err)
			}
			var second *cgroup.Cgroup
			for i := range 2 { // the numbers go round
				second = cgrouptest.Below(t, first, fmt.Sprint("second-", i))
				if got := workloadOf(t, r, second); got == w {
					break
				}
			}
			if got := workloadOf(t, r, second); got != w {
				t.Fatalf("%s is in workload %d, want %d again", second.Path, got, w)
			}
			b := startActor(t, program, second)
			b.do("u")
			a.do("ppp")
			wantSeen(t, r, w, unix.SYS_GETPPID, "")
			wantSeen(t, r, w, unix.SYS_GETUID, "startup:1")
		})
	}
}
