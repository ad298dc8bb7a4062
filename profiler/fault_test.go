package profiler_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// Nobody reads events while more come than there is room for: each that is missing is counted, and so is every call.
func TestFaultEventsOverrun(t *testing.T) {
	hosttest.Root(t)
	const events = 5000 // room is for some 3,000
	r := start(t, profiler.Options{Sizes: profiler.SizesFor(1)})
	c, id := newCgroup(t)
	own := startActor(t, actorProgram(t), c)
	w := add(t, r, profiler.WorkloadOptions{CgroupID: id, Phase: profiler.PhaseStartup, Leader: own.pid(), StopSignals: []syscall.Signal{unix.SIGTERM}})
	own.do("b")
	for i := range events {
		if err := unix.Kill(own.pid(), unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if !r.Turn(w, profiler.PhaseShutdown, profiler.PhaseStartup) {
			t.Fatalf("signal %d did not begin shutdown", i)
		}
		if i%100 == 0 {
			own.do("p")
		}
	}
	wantSeen(t, r, w, unix.SYS_GETPPID, fmt.Sprintf("startup:%d", events/100))
	s, err := r.Snapshot(w)
	if err != nil {
		t.Fatal(err)
	}
	lost, read := s.Losses[profiler.LossEventsDropped], len(watchEvents(t, r).all(t, w))
	if lost == 0 || int(lost)+read != events {
		t.Errorf("%d events were read and %d lost, of %d", read, lost, events)
	}
}

// A process that gets the number of one that has ended is not taken for it: neither for the leader, nor for a
// process of the runtime's that never made its execve.
func TestFaultPIDReuse(t *testing.T) {
	s := newStage(t, containers())
	events := watchEvents(t, s.r)
	s.r.SetStopSignals(s.w, []syscall.Signal{unix.SIGTERM})
	parent := startActor(t, s.program, s.c)
	s.own.tell("q")
	if err := s.own.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	parent.tell(fmt.Sprintf("k%d\n", s.own.pid()))
	parent.await() // the child's
	parent.do("b")
	if err := unix.Kill(s.own.pid(), unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if phase := s.r.Phase(s.w); phase != profiler.PhaseSteady {
		t.Errorf("phase %d after a stop signal to who has the leader's number now", phase)
	}
	parent.do("q") // the child; its parent answers

	in := startActor(t, s.program, nil)
	move(t, in.pid(), s.c)
	in.do("p")
	wantSeen(t, s.r, s.w, unix.SYS_GETPPID, "setup:1")
	_ = in.cmd.Process.Kill()
	_ = in.cmd.Wait()
	parent.tell(fmt.Sprintf("k%d\n", in.pid()))
	parent.await()
	parent.do("ppq")
	wantSeen(t, s.r, s.w, unix.SYS_GETPPID, "setup:1 steady:2")
	if n := s.r.Entrants(s.w); n != 0 {
		t.Errorf("%d entrants", n)
	}
	exits := 0
	for _, e := range events.all(t, s.w) {
		if e.Kind == profiler.LeaderExit {
			exits++
		}
	}
	if exits != 1 {
		t.Errorf("the leader ended %d times", exits)
	}
}

// lockedMemory makes this test's program one that opens a recorder and says what came of it.
const lockedMemory = "SCALLOP_TEST_LOCKED_MEMORY"

// Up to Linux 5.10, maps count as locked memory, which has a limit: without the right to raise it, the user is told what to
// do. Later kernels do not care.
func TestFaultLockedMemory(t *testing.T) {
	hosttest.Root(t)
	if os.Getenv(lockedMemory) != "" {
		r, err := profiler.Open(profiler.Options{Sizes: profiler.SizesFor(256)})
		if err == nil {
			err = r.Close()
		}
		fmt.Printf("opened: %v\n", err)
		return
	}
	text := limited(t)
	version, ok := profiler.ParseKernelVersion(release(t))
	want := "opened: <nil>"
	if ok && version.LimitsLockedMemory() {
		want = "raise the limit of locked memory (ulimit -l unlimited), or add cap_sys_resource"
	}
	if !strings.Contains(text, want) {
		t.Errorf("no %q in %q", want, text)
	}
}

// limited runs this test again, with 64 KiB of locked memory and without the right to have more.
func limited(t *testing.T) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan string)
	go func() {
		runtime.LockOSThread() // and never unlocked: this thread has lost a capability
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_SYS_RESOURCE, 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
			result <- err.Error()
			return
		}
		cmd := exec.Command("/bin/sh", "-c", `ulimit -l 64 && exec "$0" -test.run '^TestFaultLockedMemory$' -test.v`, program)
		cmd.Env = append(os.Environ(), lockedMemory+"=1")
		text, err := cmd.CombinedOutput()
		result <- fmt.Sprint(string(text), err)
	}()
	return <-result
}

func release(t *testing.T) string {
	t.Helper()
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		t.Fatal(err)
	}
	return unix.ByteSliceToString(uts.Release[:])
}
