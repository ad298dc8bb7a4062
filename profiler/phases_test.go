package profiler_test

import (
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/cgroup/cgrouptest"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/launch"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// A program's first call after execve is in startup and nowhere else; the first
// call of its SIGTERM handler is in shutdown and nowhere else: 1,000 times, in
// every other run with a turn to steady in between.
func TestPhasesAreExact(t *testing.T) {
	hosttest.Root(t)
	program := hosttest.Program(t, "phases", hosttest.Bare...)
	for _, probe := range profiler.LosslessProbes() {
		t.Run(probe, func(t *testing.T) {
			r := start(t, profiler.Options{Sizes: profiler.SizesFor(250), Probe: probe})
			runs := hosttest.Times(1000)
			if probe == profiler.ProbeRaw {
				runs = hosttest.Times(100)
			}
			for run := range runs {
				w := livePhases(t, r, run, program, run%2 == 0)
				checkPhases(t, r, w)
				if err := r.Free([]int{w}); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func start(t *testing.T, opts profiler.Options) *profiler.Recorder {
	t.Helper()
	r, err := profiler.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

// newCgroup is a cgroup that the test removes.
func newCgroup(t *testing.T) (*cgroup.Cgroup, uint64) {
	t.Helper()
	c := cgrouptest.New(t)
	id, err := c.ID()
	if err != nil {
		t.Fatal(err)
	}
	return c, id
}

func add(t *testing.T, r *profiler.Recorder, opts profiler.WorkloadOptions) int {
	t.Helper()
	w, err := r.AddWorkload(opts)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func livePhases(t *testing.T, r *profiler.Recorder, run int, program string, turn bool) (w int) {
	t.Helper()
	c, id := newCgroup(t)
	w = add(t, r, profiler.WorkloadOptions{CgroupID: id, Phase: profiler.PhaseStartup, StopSignals: []syscall.Signal{syscall.SIGTERM}})
	ready, stdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	cmd, err := launch.Start(launch.Options{Args: []string{program}, Cgroup: c, Stdout: stdout})
	stdout.Close()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(ready); err != nil { // until it closes standard output
		t.Fatal(err)
	}
	if turn && !r.Turn(w, profiler.PhaseStartup, profiler.PhaseSteady) {
		t.Errorf("run %d: cannot turn from %d to steady", w, r.Phase(w))
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if r.Turn(w, profiler.PhaseStartup, profiler.PhaseSteady) {
		t.Errorf("run %d: readiness overruled the stop signal", w)
	}
	if err := c.Remove(); err != nil {
		t.Fatal(err)
	}
	return w
}

func checkPhases(t *testing.T, r *profiler.Recorder, w int) {
	t.Helper()
	s, err := r.Snapshot(w)
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]profiler.PhaseID{
		unix.SYS_GETSID:      profiler.PhaseStartup,
		unix.SYS_GETPRIORITY: profiler.PhaseShutdown,
	}
	for _, c := range s.Calls {
		if phase, ok := want[c.Nr]; ok {
			if c.Phase != phase || c.Count != 1 {
				t.Errorf("run %d: call %d: %d times in phase %d, want once in %d", w, c.Nr, c.Count, c.Phase, phase)
			}
			delete(want, c.Nr)
		}
	}
	if len(want) > 0 {
		t.Errorf("run %d: not seen: %v", w, want)
	}
}

// A child cgroup is recorded from its birth, at any depth; its removal leaves the
// counts.
func TestChildCgroups(t *testing.T) {
	hosttest.Root(t)
	r := start(t, profiler.Options{Sizes: profiler.SizesFor(2)})
	c, id := newCgroup(t)
	w := add(t, r, profiler.WorkloadOptions{CgroupID: id, Class: cgroup.Whole, Phase: profiler.PhaseStartup})
	kinds := hosttest.Program(t, "kinds", hosttest.Bare...)
	script := `cd "$1" && mkdir -p a/b/c && echo $$ > a/b/c/cgroup.procs && exec "$2"`
	cmd, err := launch.Start(launch.Options{Args: []string{"/bin/sh", "-c", script, "sh", c.Dir(), kinds}, Cgroup: c})
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := c.Remove(); err != nil {
		t.Fatal(err)
	}
	s, err := r.Snapshot(w)
	if err != nil {
		t.Fatal(err)
	}
	if n := calls(s, unix.SYS_GETSID); n != 1000 {
		t.Errorf("%d getsid calls recorded in a child cgroup, the program made 1000", n)
	}
	if s, err := r.Snapshot(1 - w); err != nil || len(s.Calls) > 0 {
		t.Errorf("the other workload has no cgroup, but calls: %v, %v", s.Calls, err)
	}
}

func calls(s *profiler.Snapshot, nr int) (n uint64) {
	for _, c := range s.Calls {
		if c.Nr == nr {
			n += c.Count
		}
	}
	return n
}

// Cgroups whose IDs fall into one bucket of the index are told apart.
func TestCgroupIndexCollisions(t *testing.T) {
	hosttest.Root(t)
	const workloads = 40
	sizes := profiler.SizesFor(workloads)
	r := start(t, profiler.Options{Sizes: sizes})
	cgroups := map[int]*cgroup.Cgroup{}
	for i := range workloads * 2 / 3 {
		c, id := newCgroup(t)
		// A second ID of the same bucket, taken first: no task ever has it.
		fake := id + 1<<40
		if i%2 == 0 {
			add(t, r, profiler.WorkloadOptions{CgroupID: fake, Phase: profiler.PhaseStartup})
		}
		cgroups[add(t, r, profiler.WorkloadOptions{CgroupID: id, Phase: profiler.PhaseStartup})] = c
	}
	for w, c := range cgroups {
		cmd, err := launch.Start(launch.Options{Args: []string{"/bin/true"}, Cgroup: c})
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		s, err := r.Snapshot(w)
		if err != nil {
			t.Fatal(err)
		}
		if n := calls(s, unix.SYS_EXIT_GROUP); n != 1 {
			t.Errorf("workload %d: %d exit_group, want 1", w, n)
		}
	}
}

// What a bystander does is in no recording.
func TestBystanders(t *testing.T) {
	hosttest.Root(t)
	r := start(t, profiler.Options{Sizes: profiler.SizesFor(1)})
	_, id := newCgroup(t)
	w := add(t, r, profiler.WorkloadOptions{CgroupID: id})
	if err := exec.Command("/bin/true").Run(); err != nil {
		t.Fatal(err)
	}
	s, err := r.Snapshot(w)
	if err != nil || len(s.Calls) > 0 {
		t.Errorf("recorded of an empty cgroup: %v, %v", s.Calls, err)
	}
}

// Phases and ABIs that have no shortcut to their counters are as exact.
func TestExactWithoutShortcut(t *testing.T) {
	hosttest.Root(t)
	program := hosttest.Program(t, "kinds", hosttest.Bare...)
	r := start(t, profiler.Options{Sizes: profiler.SizesFor(1)})
	c, id := newCgroup(t)
	const phase = 12
	w := add(t, r, profiler.WorkloadOptions{CgroupID: id, Phase: phase})
	cmd, err := launch.Start(launch.Options{Args: []string{program}, Cgroup: c})
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	s, err := r.Snapshot(w)
	if err != nil {
		t.Fatal(err)
	}
	var sum uint64
	for _, call := range s.Calls {
		if call.Phase == phase {
			sum += call.Count
		}
	}
	if sum != 20_001 {
		t.Errorf("counted %d calls in phase %d, the program made 20001", sum, phase)
	}
}
