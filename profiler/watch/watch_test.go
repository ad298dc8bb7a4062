package watch

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/cgroup/cgrouptest"
	"github.com/scallop-sec/scallop/profiler/ready"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// server lives until its stop signal, in whose handler it ends.
var server = []string{"/bin/sh", "-c", `trap 'exit 7' TERM; while :; do sleep 0.05; done`}

var containerID = strings.Repeat("0123456789abcdef", 4)

func end(t *testing.T, c *cgroup.Cgroup) {
	t.Helper()
	if err := errors.Join(c.Kill(), c.WaitEmpty(t.Context()), c.Remove()); err != nil {
		t.Fatal(err)
	}
}

// One that was running before is recorded from now on, and says so.
func TestAttachedLate(t *testing.T) {
	c := cgrouptest.New(t)
	cmd := inCgroup(t, c, server...)
	r := record(t, Options{Targets: []Target{{Kind: Cgroup, Text: c.Path}}})
	r.until("calls", func() bool {
		return slices.ContainsFunc(r.events, func(e Event) bool { return e.Kind == EventSyscall })
	})
	one := r.ok().byName()[filepath.Base(c.Path)]
	if one == nil {
		t.Fatal("no recording")
	}
	lossless(t, one)
	if phaseNames(one) != "steady" || one.Phases[0].Trigger.Kind != "attached" || !slices.Contains(one.Unreached, recording.PhaseStartup) {
		t.Errorf("phases %+v, unreached %v", one.Phases, one.Unreached)
	}
	if one.Workload.Leader.PID != cmd.Process.Pid || one.Workload.Leader.End != "still running" {
		t.Errorf("leader %+v", one.Workload.Leader)
	}
}

// A whole life: born, started, marked, settled, told to stop. The recording ends when its only target has.
func TestWholeLife(t *testing.T) {
	parent := cgrouptest.New(t)
	marks := make(chan MarkRequest)
	path := filepath.Join(parent.Path, "web.service")
	r := record(t, Options{
		Targets: []Target{{Kind: Unit, Text: "web"}}, Root: parent.Path, Wait: true, Settle: 300 * time.Millisecond, Marks: marks,
	})
	c := cgrouptest.Below(t, parent, "web.service")
	if c.Path != path {
		t.Fatal(c.Path)
	}
	inCgroup(t, cgrouptest.Below(t, parent, "other.service"), server...)
	cmd := inCgroup(t, c, server...)
	r.until("steady", r.saw(EventPhase, "web.service", recording.PhaseSteady))
	for phase, ok := range map[string]bool{"reload": true, "setup": false, "": true} {
		answer := make(chan error, 1)
		marks <- MarkRequest{Workload: "web.service", Phase: phase, Answer: answer}
		if err := <-answer; (err == nil) != ok {
			t.Errorf("mark %q: %v", phase, err)
		}
	}
	answer := make(chan error, 1)
	marks <- MarkRequest{Workload: "other.service", Phase: "reload", Answer: answer}
	if err := <-answer; !errors.Is(err, ErrUnknown) {
		t.Errorf("a mark for what is not recorded: %v", err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if err := c.Remove(); err != nil {
		t.Fatal(err)
	}
	r.wait().clean()
	all := r.byName()
	one := all["web.service"]
	if one == nil || len(all) != 1 {
		t.Fatalf("recordings of %v", names(all))
	}
	lossless(t, one)
	if got := phaseNames(one); got != "setup startup steady reload shutdown" {
		t.Errorf("phases %s", got)
	}
	if w := one.Workload; w.Kind != recording.KindUnit || w.Unit != "web.service" || w.Cgroup != path || w.Leader.ExitCode == nil || *w.Leader.ExitCode != 7 {
		t.Errorf("workload %+v", w)
	}
	if one.Phases[2].Trigger.Kind != "settle" || one.Phases[3].Trigger.Kind != "mark" || one.Phases[4].Trigger.Kind != "signal" {
		t.Errorf("phases %+v", one.Phases)
	}
	if n := count(one, "exit_group", recording.PhaseShutdown); n == 0 {
		t.Error("no exit_group in shutdown")
	}
}

// A cgroup that is not there yet is recorded from its birth, with all below it, even if its parent is not there.
func TestWaitForCgroup(t *testing.T) {
	parent := cgrouptest.New(t)
	path := filepath.Join(parent.Path, "late", "later")
	r := record(t, Options{Targets: []Target{{Kind: Cgroup, Text: path}}, Root: parent.Path, Wait: true})
	late := cgrouptest.Below(t, parent, "late")
	inCgroup(t, late, "/bin/true").Wait()
	c := cgrouptest.Below(t, late, "later")
	r.until("it", r.saw(EventWorkload, "later", ""))
	if err := inCgroup(t, cgrouptest.Below(t, c, "by-an-outsider"), "/bin/true").Wait(); err != nil {
		t.Fatal(err)
	}
	if err := inCgroup(t, c, "/bin/sh", "-c", `mkdir "$1/inner"; echo 0 >"$1/inner/cgroup.procs"; exec /bin/true`, "sh", c.Dir()).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := late.Remove(); err != nil {
		t.Fatal(err)
	}
	r.wait().clean()
	all := r.byName()
	if one := all["later"]; one == nil || len(all) != 1 || count(one, "exit_group", "") != 3 { // true, mkdir, true
		t.Errorf("recordings of %v", names(all))
	}
}

// Targets that mean the same, or one that lies in another, are found all the same.
func TestOverlappingTargets(t *testing.T) {
	c := cgrouptest.New(t)
	inner := cgrouptest.Below(t, c, "inner")
	inCgroup(t, c, server...)
	cmd := inCgroup(t, inner, server...)
	r := record(t, Options{Targets: []Target{
		{Kind: Cgroup, Text: c.Path}, {Kind: Cgroup, Text: c.Dir()}, {Kind: Cgroup, Text: inner.Path}, {Kind: PID, Number: cmd.Process.Pid},
	}})
	r.stop()
	if all := r.byName(); r.err != nil || len(r.result.Missing) > 0 || len(all) != 1 || all[filepath.Base(c.Path)] == nil {
		t.Errorf("error %v, result %+v, recordings of %v", r.err, r.result, names(all))
	}
	if len(r.warnings) != 2 || !strings.Contains(r.warnings[0], "is recorded with "+c.Path) {
		t.Errorf("warnings %q", r.warnings)
	}
}

// What is not there is told, and the others are recorded.
func TestMissingTargets(t *testing.T) {
	c := cgrouptest.New(t)
	inCgroup(t, c, server...)
	r := record(t, Options{Targets: []Target{
		{Kind: Cgroup, Text: "/no/such"}, {Kind: PID, Number: 1<<22 - 1}, {Kind: Unit, Text: "no-such"}, {Kind: Container, Text: "no-such"},
		{Kind: Pod, Text: "no/such"}, {Kind: Cgroup, Text: c.Path},
	}})
	r.stop()
	if r.err != nil || len(r.result.Missing) != 5 || len(r.warnings) != 5 || r.result.Recordings != 1 {
		t.Errorf("error %v, result %+v, warnings %q", r.err, r.result, r.warnings)
	}
	for _, warning := range r.warnings {
		if !strings.Contains(warning, ": ") || strings.Contains(warning, "\n") {
			t.Errorf("%q", warning)
		}
	}
	r = record(t, Options{Targets: []Target{{Kind: Cgroup, Text: "/no/such"}, {Kind: PID, Number: 1<<22 - 1}}}).wait()
	if r.err == nil || len(r.result.Missing) != 2 || r.result.Recordings != 0 {
		t.Errorf("nothing there: error %v, result %+v", r.err, r.result)
	}
	r = record(t, Options{Targets: []Target{{Kind: All}}, Root: "/no/such"}).wait()
	if r.err == nil || !strings.Contains(r.err.Error(), "/no/such") {
		t.Errorf("no such root: %v", r.err)
	}
}

// --root is for what is looked for; a cgroup or process that is named is where it is.
func TestNamedOutsideOfRoot(t *testing.T) {
	parent := cgrouptest.New(t)
	root, outside, other := cgrouptest.Below(t, parent, "root"), cgrouptest.Below(t, parent, "outside"), cgrouptest.Below(t, parent, "other")
	inCgroup(t, cgrouptest.Below(t, root, "inside"), server...)
	inCgroup(t, outside, server...)
	cmd := inCgroup(t, other, server...)
	r := record(t, Options{Root: root.Path, Targets: []Target{
		{Kind: All}, {Kind: Cgroup, Text: outside.Path}, {Kind: PID, Number: cmd.Process.Pid},
	}})
	r.until("calls", r.saw(EventSyscall, "inside", ""))
	if got := names(r.ok().byName()); !slices.Equal(got, []string{"inside", "other", "outside"}) {
		t.Errorf("recordings of %v; warnings %q", got, r.warnings)
	}
}

// All without any engine: containers that run and that begin have their IDs.
func TestAllWithoutEngines(t *testing.T) {
	parent := cgrouptest.New(t)
	before := cgrouptest.Below(t, parent, "docker-"+containerID+".scope")
	inCgroup(t, before, server...)
	r := record(t, Options{Targets: []Target{{Kind: All}}, Root: parent.Path})
	r.until("calls", r.saw(EventSyscall, containerID[:12], ""))
	after := cgrouptest.Below(t, parent, containerID[1:]+"f")
	if err := inCgroup(t, after, "/bin/true").Wait(); err != nil {
		t.Fatal(err)
	}
	all := r.ok().byName()
	if got := names(all); !slices.Equal(got, []string{containerID[:12], containerID[1:13]}) {
		t.Fatalf("recordings of %v", got)
	}
	if one := all[containerID[:12]].Workload; one.Kind != recording.KindContainer || one.Container.ID != containerID || one.Container.Engine != "docker" {
		t.Errorf("workload %+v", one)
	}
}

// Globs leave out by name, ID and path, before and after the begin.
func TestExclude(t *testing.T) {
	parent := cgrouptest.New(t)
	for _, name := range []string{"kept", "left-before", containerID} {
		inCgroup(t, cgrouptest.Below(t, parent, name), server...)
	}
	r := record(t, Options{Targets: []Target{{Kind: All}}, Root: parent.Path, Exclude: []string{"left-*", containerID[:6] + "*", parent.Path + "/by-pa*"}})
	r.until("calls", r.saw(EventSyscall, "kept", ""))
	for _, name := range []string{"new", "left-after", "by-path"} {
		if err := inCgroup(t, cgrouptest.Below(t, parent, name), "/bin/true").Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if got := names(r.ok().byName()); !slices.Equal(got, []string{"kept", "new"}) {
		t.Errorf("recordings of %v", got)
	}
}

// However slow the disk is, each workload's recording is written once.
func TestSlowDisk(t *testing.T) {
	parent := cgrouptest.New(t)
	var once sync.Once
	stuck, goOn := make(chan struct{}), make(chan struct{})
	r := record(t, Options{Targets: []Target{{Kind: All}}, Root: parent.Path, Save: func(file Filename, _ *recording.Recording, _ bool) (string, error) {
		once.Do(func() { close(stuck); <-goOn })
		return string(file), nil
	}})
	for i := range 5 {
		if err := brief(parent, fmt.Sprint("life-", i), ways["clone3"]); err != nil {
			t.Fatal(err)
		}
	}
	<-stuck
	time.Sleep(3 * endInterval) // the others have come to their end, too
	r.signals <- syscall.SIGINT
	time.Sleep(endInterval)
	close(goOn)
	r.wait().clean()
	if all := r.byName(); len(all) != 5 || r.result.Recordings != 5 {
		t.Errorf("recordings of %v, result %+v", names(all), r.result)
	}
}

// However far events are behind, a workload is not written before its own: they tell who its leader was.
func TestEndWaitsForEvents(t *testing.T) {
	parent := cgrouptest.New(t)
	recorder, err := profiler.Open(profiler.Options{Sizes: profiler.SizesFor(2), Containers: true})
	if err != nil {
		t.Fatal(err)
	}
	defer recorder.Close()
	id, err := parent.ID()
	if err := errors.Join(err, recorder.Start(), recorder.Follow(id, cgroup.Plain)); err != nil {
		t.Fatal(err)
	}
	w := &watch{
		opts: Options{
			Log: func(Event) {}, Warn: t.Errorf,
			Save: func(Filename, *recording.Recording, bool) (string, error) { return "", nil },
		},
		recorder: recorder, mount: parent.Mount, targets: []*target{{Target: Target{Kind: All}}},
		workloads: map[int]*workload{}, retired: map[int]retired{}, events: make(chan profiler.Event),
	}
	if err := brief(parent, "life", ways["clone3"]); err != nil {
		t.Fatal(err)
	}
	w.look(t.Context()) // finds it, before any event was read
	w.end()
	if len(w.workloads) != 1 || len(w.saving) != 0 {
		t.Fatalf("%d workloads, %d recordings before the events", len(w.workloads), len(w.saving))
	}
	go w.recorder.ReadEvents(w.events)
	for _, one := range w.workloads {
		for !one.gone {
			w.onEvent(t.Context(), <-w.events)
		}
	}
	w.end()
	if len(w.saving) != 1 {
		t.Fatalf("%d recordings", len(w.saving))
	}
	checkLife(t, w.saving[0].r)
}

// Nor does a slow disk hold the room of workloads that have ended.
func TestSlowDiskHoldsNoRoom(t *testing.T) {
	t.Parallel()
	parent := cgrouptest.New(t)
	goOn := make(chan struct{})
	r := record(t, Options{Targets: []Target{{Kind: All}}, Root: parent.Path, Sizes: profiler.SizesFor(2), Save: func(file Filename, _ *recording.Recording, _ bool) (string, error) {
		<-goOn
		return string(file), nil
	}})
	for i := range 4 {
		if i == 2 {
			time.Sleep(freeDelay + 2*lookInterval)
		}
		if err := brief(parent, fmt.Sprint("life-", i), ways["clone3"]); err != nil {
			t.Fatal(err)
		}
	}
	close(goOn)
	if all := r.ok().byName(); len(all) != 4 {
		t.Errorf("recordings of %v", names(all))
	}
}

// A failed write is told of, and counted; the others are written.
func TestUnsaved(t *testing.T) {
	parent := cgrouptest.New(t)
	r := record(t, Options{Targets: []Target{{Kind: All}}, Root: parent.Path, Save: func(file Filename, one *recording.Recording, _ bool) (string, error) {
		if one.Workload.Name == "bad" {
			return "", errors.New("write bad.json: no space left: free some")
		}
		return string(file), nil
	}})
	for _, name := range []string{"good", "bad"} {
		if err := brief(parent, name, ways["clone3"]); err != nil {
			t.Fatal(err)
		}
	}
	r.stop()
	if r.err != nil || r.result.Unsaved != 1 || r.result.Recordings != 2 || len(r.warnings) != 1 || !strings.Contains(r.warnings[0], "bad") {
		t.Errorf("error %v, result %+v, warnings %q", r.err, r.result, r.warnings)
	}
}

// What there is no room for is counted.
func TestNoRoom(t *testing.T) {
	parent := cgrouptest.New(t)
	r := record(t, Options{Targets: []Target{{Kind: All}}, Root: parent.Path, Sizes: profiler.SizesFor(2)})
	for i := range 3 {
		inCgroup(t, cgrouptest.Below(t, parent, fmt.Sprint("life-", i)), server...)
	}
	r.stop()
	if r.result.Lost != 1 || r.result.Recordings != 2 || r.result.Incomplete != 0 {
		t.Errorf("result %+v", r.result)
	}
}

// Room is given back: more workloads than fit at a time are recorded one after the other.
func TestRoomIsUsedAgain(t *testing.T) {
	t.Parallel()
	parent := cgrouptest.New(t)
	r := record(t, Options{Targets: []Target{{Kind: All}}, Root: parent.Path, Sizes: profiler.SizesFor(2)})
	for i := range 4 {
		name := fmt.Sprint("life-", i)
		if i == 2 {
			time.Sleep(freeDelay + 2*lookInterval)
		}
		if err := brief(parent, name, ways["clone3"]); err != nil {
			t.Fatal(err)
		}
	}
	all := r.ok().byName()
	if len(all) != 4 {
		t.Errorf("recordings of %v", names(all))
	}
	for _, one := range all {
		checkLife(t, one)
	}
}

// Checks from outside end startup; checkpoints are written meanwhile; --duration ends all.
func TestReadyCheckpointDuration(t *testing.T) {
	t.Parallel()
	parent := cgrouptest.New(t)
	began := time.Now()
	r := record(t, Options{
		Targets: []Target{{Kind: Cgroup, Text: parent.Path + "/web"}}, Root: parent.Path, Wait: true, Checkpoint: 100 * time.Millisecond, Duration: 3 * time.Second,
		Checks: []ready.Check{ready.Exec("true", nil)},
	})
	inCgroup(t, cgrouptest.Below(t, parent, "web"), server...)
	r.until("steady", r.saw(EventPhase, "web", recording.PhaseSteady))
	r.wait().clean()
	if time.Since(began) < 3*time.Second {
		t.Error("it ended before its time")
	}
	one := r.byName()["web"]
	if one == nil || r.partial == 0 {
		t.Fatalf("%d checkpoints; recordings of %v", r.partial, names(r.byName()))
	}
	lossless(t, one)
	if phaseNames(one) != "setup startup steady" || one.Phases[2].Trigger.Kind != "ready-exec" {
		t.Errorf("phases %+v", one.Phases)
	}
}

// A PID means its cgroup, and the user is told whom else that takes in.
func TestSharedCgroup(t *testing.T) {
	c := cgrouptest.New(t)
	cmd := inCgroup(t, c, server...)
	inCgroup(t, c, server...)
	r := record(t, Options{Targets: []Target{{Kind: PID, Number: cmd.Process.Pid}}})
	r.stop()
	if len(r.warnings) != 1 || !strings.Contains(r.warnings[0], "not below it (1)") && !strings.Contains(r.warnings[0], "not below it (2)") {
		t.Errorf("warnings %q", r.warnings)
	}
	if r.result.Recordings != 1 {
		t.Errorf("result %+v", r.result)
	}
}

// A user's end comes once: nothing is sent to the workloads.
func TestWorkloadsAreLeftAlone(t *testing.T) {
	c := cgrouptest.New(t)
	cmd := inCgroup(t, c, server...)
	record(t, Options{Targets: []Target{{Kind: Cgroup, Text: c.Path}}}).ok()
	if err := unix.Kill(cmd.Process.Pid, 0); err != nil {
		t.Error(err)
	}
	if full, err := c.Populated(); err != nil || !full {
		t.Errorf("populated %v, %v", full, err)
	}
	end(t, &cgroup.Cgroup{Mount: c.Mount, Path: cgrouptest.Below(t, c, "x").Path})
}

// Names that processes gave their cgroups are no paths and no escapes.
func TestHostileNames(t *testing.T) {
	parent := cgrouptest.New(t)
	r := record(t, Options{Targets: []Target{{Kind: All}}, Root: parent.Path})
	wild := "..\x1b[31m\u202e\xff" + strings.Repeat("n", 200)
	if err := brief(parent, wild, ways["clone3"]); err != nil {
		t.Fatal(err)
	}
	r.ok()
	for _, e := range r.events {
		for _, text := range []string{e.Workload, e.Cgroup, e.File} {
			if strings.ContainsAny(text, "\x1b\u202e") || !strings.HasPrefix(filepath.Join("/out", e.File), "/out") {
				t.Errorf("%q", text)
			}
		}
	}
	if len(r.final) != 1 {
		t.Fatalf("%d recordings", len(r.final))
	}
	if data, err := recording.Encode(r.final[0]); err != nil {
		t.Errorf("%v", err)
	} else if _, err := recording.Decode(strings.NewReader(string(data))); err != nil {
		t.Error(err)
	}
}
