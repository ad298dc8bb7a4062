package main

import (
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/leftover"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// tell sends a signal to a scallop.
func tell(t *testing.T, cmd *exec.Cmd, s syscall.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// A recorder that does not run for ten seconds, while its workload takes a whole CPU and checkpoints are due, misses
// nothing.
func TestFaultStopped(t *testing.T) {
	t.Parallel() // it waits more than it computes
	p := newPinned(t)
	leftover.None(t, p.sockets, p.temp)
	cmd := p.record("--cgroup", p.cgroup.Path, "--checkpoint", "100ms", "-o", "out")
	p.startLoad()
	time.Sleep(200 * time.Millisecond)
	tell(t, cmd, syscall.SIGSTOP)
	time.Sleep(hosttest.Amount(time.Second, 10*time.Second))
	tell(t, cmd, syscall.SIGCONT)
	made := p.stopLoad()
	if err := p.cgroup.Remove(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("scallop record: %v", err)
	}
	if r := p.only(); getppids(r) != made || made == 0 || !r.Complete {
		t.Errorf("recorded %d getppid, the load made %d; complete %v %q", getppids(r), made, r.Complete, r.Incomplete)
	}
}

// More cgroups come and go while the recorder does not run than its ring buffer holds events of: each has its recording,
// with every call; those whose events are missing say so.
func TestFaultStoppedWhileBorn(t *testing.T) {
	if hosttest.Amount(true, false) {
		t.Skip("only in `make test-faults`: it starts a thousand processes; TestFaultEventsOverrun is the brief one")
	}
	s := newScene(t)
	leftover.None(t, s.sockets, s.temp)
	const lives = 1200
	r := s.record("--all", "--max-workloads", fmt.Sprint(lives), "-o", "out")
	tell(t, r.cmd, syscall.SIGSTOP)
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range lives / 4 {
				s.brief(fmt.Sprintf("life-%d-%d", worker, i))
			}
		})
	}
	all.Wait()
	tell(t, r.cmd, syscall.SIGCONT)
	s.want(r.stop(), exitIncomplete, "incomplete: scallop show names the reasons")
	files := s.files("out")
	if len(files) != lives {
		t.Errorf("%d recordings of %d lives", len(files), lives)
	}
	dropped := 0
	for name, one := range files {
		if n := one.Losses[profiler.LossEventsDropped]; n > 0 {
			dropped++
			if !slices.Contains(one.Incomplete, fmt.Sprintf("%d lost: %s", n, profiler.LossEventsDropped)) {
				t.Errorf("%s: %d events lost, incomplete because %q", name, n, one.Incomplete)
			}
		}
		checkTrue(t, name, one)
	}
	if dropped == 0 {
		t.Error("no event was dropped: more lives are needed")
	}
	t.Logf("%d of %d recordings lack events", dropped, lives)
}

// checkTrue: the calls of `true` are exact, whatever is known of its turns.
func checkTrue(t *testing.T, name string, r *recording.Recording) {
	t.Helper()
	losses := maps.Clone(r.Losses)
	delete(losses, profiler.LossEventsDropped)
	for reason, n := range losses {
		if n > 0 {
			t.Errorf("%s: %d lost: %s", name, n, reason)
		}
	}
	for call, phase := range map[string]string{"execve": recording.PhaseSetup, "exit_group": recording.PhaseStartup} {
		i := slices.IndexFunc(r.Syscalls, func(s recording.Syscall) bool { return s.Name == call })
		if i < 0 || r.Syscalls[i].Total != 1 || r.Syscalls[i].Phases[phase].Count != 1 {
			t.Errorf("%s: %s is not there once, in %s", name, call, phase)
		}
	}
}
