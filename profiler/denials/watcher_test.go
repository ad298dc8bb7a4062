package denials_test

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/denials"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/launch"
)

// ways are those in which the programs can be in the kernel and miss nothing.
var ways = func() map[string]denials.Options {
	ways := map[string]denials.Options{}
	for _, probe := range profiler.LosslessProbes() {
		ways[probe] = denials.Options{Probe: probe}
		if probe == profiler.ProbeTpBTF {
			ways[probe+", hash"] = denials.Options{Probe: probe, Hash: true}
		}
	}
	return ways
}()

// watched runs the command in a cgroup of its own to its end, and returns what was denied to it.
func watched(t *testing.T, opts denials.Options, args ...string) (*denials.Snapshot, *os.ProcessState) {
	t.Helper()
	w := watch(t, opts)
	cmd := start(t, w, args...)
	_ = cmd.Wait() // the state is looked at
	s := snapshot(t, w)
	for reason, n := range s.Losses {
		if n != 0 {
			t.Errorf("%d lost: %s", n, reason)
		}
	}
	return s, cmd.ProcessState
}

func start(t *testing.T, w *watcher, args ...string) *exec.Cmd {
	t.Helper()
	mount, err := cgroup.FindMount()
	if err != nil {
		t.Fatal(err)
	}
	c, err := cgroup.CreateForRun(mount, "denials"+strconv.FormatInt(time.Now().UnixNano(), 36))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Kill(); err != nil {
			t.Error(err)
		}
		if err := c.WaitEmpty(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
		if err := c.Remove(); err != nil {
			t.Error(err)
		}
	})
	id, err := c.ID()
	if err != nil {
		t.Fatal(err)
	}
	w.add(t, id)
	cmd, err := launch.Start(launch.Options{Args: args, Env: os.Environ(), Cgroup: c})
	if err != nil {
		t.Fatal(err)
	}
	return cmd
}

// The program knows how many of its calls are denied, and that nothing else is: it forks, vforks,
// execs, sleeps, and is interrupted all the time.
func TestDenied(t *testing.T) {
	program := hosttest.Program(t, "denied", "-static", "-pthread")
	times := hosttest.Times
	for name, test := range map[string]struct {
		way                       string // of the program
		processes, threads, calls int
		action                    denials.Action
		ret                       int64
		want                      int
	}{
		"errno":                {"errno", 8, 8, times(3000), denials.Errno, -1, 8 * 8 * times(3000)},
		"errno 0":              {"zero", 4, 4, times(2000), denials.Errno, 0, 4 * 4 * times(2000)},
		"errno, many children": {"errno", times(300), 1, 10, denials.Errno, -1, times(300) * 10},
		"trap":                 {"trap", 4, 8, times(1000), denials.Trap, 0, 4 * 8 * times(1000)},
		"kill the thread":      {"thread", 20, 8, 5, denials.Kill, 0, 20 * 8},
		"kill the process":     {"process", 20, 1, 5, denials.Kill, 0, 20},
		"allow":                {"allow", 20, 8, times(2000), "", 0, 0},
	} {
		for way, opts := range ways {
			t.Run(name+", "+way, func(t *testing.T) {
				s, state := watched(t, opts, program, test.way, strconv.Itoa(test.processes), strconv.Itoa(test.threads), strconv.Itoa(test.calls))
				if wantOK := test.way != "process"; state.Success() != wantOK {
					t.Errorf("the program ended with %s", state)
				}
				if test.want == 0 {
					if len(s.Denials) != 0 {
						t.Errorf("denied: %+v", s.Denials)
					}
					return
				}
				if len(s.Denials) != 1 {
					t.Fatalf("%d kinds of denials, not 1: %+v", len(s.Denials), s.Denials)
				}
				d := s.Denials[0]
				if d.Name() != "getppid" || d.Action != test.action || d.Return != test.ret || d.Count != uint64(test.want) {
					t.Errorf("counted %d %s %s %d, the program was denied %d", d.Count, d.Name(), d.Action, d.Return, test.want)
				}
				if d.First.Comm != "denied" || d.First.TID == 0 || d.First.Time == 0 || d.Last < d.First.Time || d.Traced {
					t.Errorf("evidence: %+v", d)
				}
			})
		}
	}
}
