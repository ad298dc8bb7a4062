package profiler_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/cgroup/cgrouptest"
	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// classNames are cgroups' names as systemd and container engines give them, and others that look alike.
func classNames() []string {
	id := strings.Repeat("0123456789abcdef", 4)
	names := []string{
		"a", "init", "plain", "ab.cdef", "a.slice", "ab.slice", "abc.slice", "user-1000.slice", "a.scope", "ab.scope", "abc.scope", "session-3.scope",
		"a.service", "nginx.service", "b.servic", "service", "scope", "slice", ".slice", ".scope", ".service", "x.service.d", "x.slices",
		"x.scope.slice", "x.slice.scope", "kubepods-besteffort.slice",
		id, id + ".scope", "docker-" + id + ".scope", "docker-" + id, "cri-containerd-" + id + ".scope", "libpod-" + id, "x" + id,
		id[1:], id[1:] + ".scope", id + ".service", id + ".slice", id + "g", "g" + id[1:], strings.ToUpper(id), id + id,
		"unit with space.service", "unit\\x2dname.service", "ünï.service", "docker-" + id + ".scope.scope",
	}
	for _, suffix := range []string{"", ".slice", ".scope", ".service", id, id + ".scope"} {
		names = append(names, strings.Repeat("n", 255-len(suffix))+suffix, strings.Repeat("n", 254-len(suffix))+suffix)
	}
	return names
}

// The kernel side and ClassOf make the same of every name.
func TestClassOfNames(t *testing.T) {
	hosttest.Root(t)
	names := classNames()
	for _, probe := range profiler.LosslessProbes() {
		t.Run(probe, func(t *testing.T) {
			r := start(t, profiler.Options{Sizes: profiler.SizesFor(len(names)), Probe: probe, Containers: true})
			top, id := newCgroup(t)
			follow(t, r, id)
			for _, name := range names {
				c := cgrouptest.Below(t, top, name)
				want := cgroup.ClassOf(name)
				w, class, ok := r.Member(idOf(t, c))
				if !ok || class != want {
					t.Errorf("%q: class %d (known: %v), ClassOf says %d", name, class, ok, want)
				}
				if (w == profiler.NoWorkload) != (want == cgroup.Slice) {
					t.Errorf("%q: workload %d, though its class is %d", name, w, want)
				}
				if birth, ok := r.Birth(w % profiler.NoWorkload); w != profiler.NoWorkload && (!ok || birth.Path != c.Path || birth.CgroupID != idOf(t, c)) {
					t.Errorf("%q: born as %+v", name, birth)
				}
				if err := os.Remove(c.Dir()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// workloadOf is the one that a cgroup belongs to.
func workloadOf(t *testing.T, r *profiler.Recorder, c *cgroup.Cgroup) int {
	t.Helper()
	w, _, ok := r.Member(idOf(t, c))
	if !ok {
		t.Fatalf("the kernel side does not know %s", c.Path)
	}
	return w
}

// Children that the workload makes join it; those that an outsider makes below a plain cgroup are workloads of
// their own, below a container they join, and below a unit the plain ones do.
func TestWhoseChildrenJoin(t *testing.T) {
	hosttest.Root(t)
	r := start(t, profiler.Options{Sizes: profiler.SizesFor(16), Containers: true})
	top, id := newCgroup(t)
	follow(t, r, id)
	container := "docker-" + strings.Repeat("ab", 32) + ".scope"
	plain, unit, whole, slice := cgrouptest.Below(t, top, "plain"), cgrouptest.Below(t, top, "a-unit.service"), cgrouptest.Below(t, top, container), cgrouptest.Below(t, top, "some.slice")
	insider := `mkdir "$1" "$1/deeper"`
	for _, parent := range []*cgroup.Cgroup{plain, unit, whole} {
		runIn(t, parent, "/bin/sh", "-c", insider, "sh", filepath.Join(parent.Dir(), "inside"))
		for _, name := range []string{"inside", "inside/deeper"} {
			if c := at(parent, name); workloadOf(t, r, c) != workloadOf(t, r, parent) {
				t.Errorf("%s, which %s made itself, is not in its workload", name, parent.Path)
			}
		}
	}
	for _, test := range []struct {
		parent *cgroup.Cgroup
		name   string
		joins  bool
	}{
		{plain, "outside", false},
		{plain, "a.service", false},
		{unit, "outside", true},
		{unit, "an-inner.service", false},
		{unit, container, false},
		{whole, "outside", true},
		{whole, "an-inner.service", true},
		{whole, container, true},
		{slice, "outside", false},
		{slice, "unit.service", false},
	} {
		child := cgrouptest.Below(t, test.parent, test.name)
		if joins := workloadOf(t, r, child) == workloadOf(t, r, test.parent); joins != test.joins {
			t.Errorf("%s below %s: joins is %v, want %v", test.name, test.parent.Path, joins, test.joins)
		}
	}
}

func at(c *cgroup.Cgroup, name string) *cgroup.Cgroup {
	return &cgroup.Cgroup{Mount: c.Mount, Path: filepath.Join(c.Path, name)}
}

// runIn runs a command that is born in the cgroup.
func runIn(t *testing.T, c *cgroup.Cgroup, args ...string) {
	t.Helper()
	a := launchIn(t, c, args...)
	if err := a.Wait(); err != nil {
		t.Fatal(err)
	}
}

// watcher keeps what the kernel side tells.
type watcher struct {
	r      *profiler.Recorder
	events chan profiler.Event
}

func watchEvents(t *testing.T, r *profiler.Recorder) *watcher {
	t.Helper()
	w := &watcher{r, make(chan profiler.Event, 1000)}
	go r.ReadEvents(w.events)
	return w
}

// all drains the events, of that workload only.
func (w *watcher) all(t *testing.T, number int) []profiler.Event {
	t.Helper()
	if err := w.r.DrainEvents(); err != nil {
		t.Fatal(err)
	}
	var all []profiler.Event
	for e := range w.events {
		if e.Workload == number {
			all = append(all, e)
		}
	}
	return all
}

func kinds(events []profiler.Event) []profiler.EventKind {
	var list []profiler.EventKind
	for _, e := range events {
		list = append(list, e.Kind)
	}
	return list
}

// A hook that the runtime's process runs inside is the first to make its execve; the leader is who makes its own
// later, and only it is told to stop.
func TestLeaderAfterAHook(t *testing.T) {
	hosttest.Root(t)
	r := start(t, profiler.Options{Sizes: profiler.SizesFor(4), Containers: true, BirthStopSignals: []syscall.Signal{unix.SIGTERM}})
	events := watchEvents(t, r)
	top, id := newCgroup(t)
	follow(t, r, id)
	program := actorProgram(t)
	c := cgrouptest.Below(t, top, strings.Repeat("ab", 32))
	w := workloadOf(t, r, c)
	runtime := startActor(t, program, nil)
	move(t, runtime.pid(), c)
	if phase := r.Phase(w); phase != profiler.PhaseSetup {
		t.Errorf("phase %d before any execve", phase)
	}
	runtime.do("fxq") // the hook
	runtime.do("pt")
	runtime.do("xgt") // the leader
	helper := startActor(t, program, c)
	helper.do("t")
	if err := unix.Kill(helper.pid(), unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if phase := r.Phase(w); phase != profiler.PhaseStartup {
		t.Errorf("phase %d after a stop signal to another process", phase)
	}
	if err := unix.Kill(runtime.pid(), unix.SIGHUP); err == nil {
		_ = runtime.cmd.Wait() // another signal than a stop signal: it dies
	}
	if phase := r.Phase(w); phase != profiler.PhaseStartup {
		t.Errorf("phase %d after SIGHUP", phase)
	}
	wantSeen(t, r, w, unix.SYS_GETPPID, "setup:1")
	wantSeen(t, r, w, unix.SYS_GETGID, "startup:1")

	got := events.all(t, w)
	want := []profiler.EventKind{profiler.Born, profiler.LeaderExec, profiler.LeaderExit, profiler.LeaderExec, profiler.LeaderExit}
	if !slices.Equal(kinds(got), want) {
		t.Fatalf("events %v, want %v", kinds(got), want)
	}
	if got[3].PID != runtime.pid() || got[1].PID == runtime.pid() {
		t.Errorf("leaders %d and %d, want the hook and then %d", got[1].PID, got[3].PID, runtime.pid())
	}
	if s := got[4].Status; !s.Signaled() || s.Signal() != unix.SIGHUP {
		t.Errorf("the leader's end: %v", s)
	}
}

// The stop signal turns the phase before its handler can run; another leader's number later is not the leader.
func TestStopSignalOfALeader(t *testing.T) {
	hosttest.Root(t)
	s := newStage(t, containers())
	events := watchEvents(t, s.r)
	s.r.SetStopSignals(s.w, []syscall.Signal{unix.SIGQUIT, 37})
	s.own.do("tp")
	if err := unix.Kill(s.own.pid(), unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.own.do("p")
	wantSeen(t, s.r, s.w, unix.SYS_GETPPID, "steady:2")
	if err := unix.Kill(s.own.pid(), unix.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	_ = s.own.cmd.Wait()
	if phase := s.r.Phase(s.w); phase != profiler.PhaseShutdown {
		t.Errorf("phase %d after SIGQUIT to the leader", phase)
	}
	got := events.all(t, s.w)
	if want := []profiler.EventKind{profiler.StopSignal, profiler.LeaderExit}; !slices.Equal(kinds(got), want) {
		t.Fatalf("events %v, want %v", kinds(got), want)
	}
	if got[0].Signal != unix.SIGQUIT || got[0].PID != os.Getpid() {
		t.Errorf("stopped by %v from process %d", got[0].Signal, got[0].PID)
	}
}

// What there is no room for is counted, as a loss of the host, and the others are recorded all the same.
func TestNoRoomForWorkloads(t *testing.T) {
	hosttest.Root(t)
	r := start(t, profiler.Options{Sizes: profiler.SizesFor(2), Containers: true})
	top, id := newCgroup(t)
	follow(t, r, id)
	for i, name := range []string{"a", "b", "c", "d"} {
		c := cgrouptest.Below(t, top, name)
		runIn(t, c, "/bin/true")
		if w := workloadOf(t, r, c); (w == profiler.NoWorkload) != (i >= 2) {
			t.Errorf("%s is in workload %d", name, w)
		}
	}
	if n := r.HostLosses()[profiler.LossWorkloadsFull]; n != 2 {
		t.Errorf("%d workloads lost, want 2", n)
	}
	for w := range 2 {
		wantSeen(t, r, w, unix.SYS_EXIT_GROUP, "startup:1")
	}
	if _, err := r.AddWorkload(profiler.WorkloadOptions{CgroupID: 1 << 40}); !errors.Is(err, profiler.ErrNoRoom) {
		t.Errorf("AddWorkload: %v", err)
	}
}

// A cgroup is recorded once: who comes second is told.
func TestKnownCgroups(t *testing.T) {
	hosttest.Root(t)
	s := newStage(t, containers())
	id := idOf(t, s.c)
	if _, err := s.r.AddWorkload(profiler.WorkloadOptions{CgroupID: id}); !errors.Is(err, profiler.ErrKnown) {
		t.Errorf("AddWorkload: %v", err)
	}
	if err := s.r.Follow(id, cgroup.Plain); !errors.Is(err, profiler.ErrKnown) {
		t.Errorf("Follow: %v", err)
	}
	s.own.do("p")
	wantSeen(t, s.r, s.w, unix.SYS_GETPPID, "steady:1")
	for i := range 3 { // the refused one's room was given back
		if _, err := s.r.AddWorkload(profiler.WorkloadOptions{CgroupID: uint64(1<<40 + i)}); err != nil {
			t.Error(err)
		}
	}
}
