package denials_test

import (
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup/cgrouptest"
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
func watched(t *testing.T, w *watcher, args ...string) (list []denials.Denial, state *os.ProcessState, output string) {
	t.Helper()
	var text strings.Builder
	cmd, number := startTo(t, w, &text, args...)
	_ = cmd.Wait() // the state is looked at
	s := snapshot(t, w)
	for reason, n := range s.Losses {
		if n != 0 {
			t.Errorf("%d lost: %s", n, reason)
		}
	}
	return s.Of(number), cmd.ProcessState, text.String()
}

func start(t *testing.T, w *watcher, args ...string) *exec.Cmd {
	t.Helper()
	cmd, _ := startTo(t, w, nil, args...)
	return cmd
}

func startTo(t *testing.T, w *watcher, output io.Writer, args ...string) (cmd *exec.Cmd, number int) {
	t.Helper()
	c := cgrouptest.New(t)
	id, err := c.ID()
	if err != nil {
		t.Fatal(err)
	}
	number = w.add(t, id)
	cmd, err = launch.Start(launch.Options{Args: args, Env: os.Environ(), Stdout: output, Cgroup: c})
	if err != nil {
		t.Fatal(err)
	}
	return cmd, number
}

func output(t *testing.T, args ...string) string {
	t.Helper()
	text, err := exec.Command(args[0], args[1:]...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// counts are how often each call was denied.
type counts map[string]uint64

// told reads what the program prints: a line for each, "ABI NUMBER COUNT".
func told(t *testing.T, text string) counts {
	t.Helper()
	want := counts{}
	for line := range strings.Lines(text) {
		var abi string
		var nr int
		var n uint64
		if _, err := fmt.Sscan(line, &abi, &nr, &n); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		want[fmt.Sprintf("%s %d", abi, nr)] = n
	}
	return want
}

// seen are those of a snapshot. Every denial is of that action and returned that.
func seen(t *testing.T, list []denials.Denial, action denials.Action, ret int64) counts {
	t.Helper()
	got := counts{}
	for _, d := range list {
		got[fmt.Sprintf("%s %d", d.ABI, d.Nr)] += d.Count
		if d.Action != action || d.Return != ret || d.Name() == "" || d.Phase != profiler.PhaseStartup {
			t.Errorf("%s returned %d, not %s %d, in the phase of startup: %+v", d.Action, d.Return, action, ret, d)
		}
		if !strings.HasPrefix(d.First.Comm, "denied") || d.First.TID == 0 || d.First.Time == 0 || d.Last < d.First.Time || d.Traced != (action == denials.Trace) {
			t.Errorf("evidence: %+v", d)
		}
	}
	return got
}

// killProcess is what a KILL_PROCESS shows as, of a process of several threads.
func killProcess(t *testing.T) denials.Action {
	t.Helper()
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		t.Fatal(err)
	}
	version, ok := profiler.ParseKernelVersion(unix.ByteSliceToString(uts.Release[:]))
	if ok && version.Before(profiler.KernelVersion{Major: 5, Minor: 16}) {
		return denials.Kill
	}
	return denials.KillProcess
}

// The program knows which of its calls are denied how often, and that no other is: it forks, vforks, execs, sleeps, and is
// interrupted all the time, in threads, by 64-bit and 32-bit calls.
func TestDenied(t *testing.T) {
	testDenied(t, hosttest.Program(t, "denied", "-static", "-pthread"))
}

// The same of a 32-bit program, whose registers lie elsewhere.
func TestDenied32(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the program is for x86")
	}
	testDenied(t, hosttest.Program32(t, "denied32", "-static", "-pthread"))
}

func testDenied(t *testing.T, program string) {
	watchers := map[string]*watcher{}
	for way, opts := range ways {
		watchers[way] = watch(t, opts)
	}
	times, kinds := hosttest.Times, len(told(t, output(t, program, "errno", "1", "1", "1")))
	killed := max(times(80), kinds) // one for each call at least
	for name, test := range map[string]struct {
		way                        string // of the program
		processes, threads, rounds int
		action                     denials.Action
		ret                        int64
	}{
		"errno":                 {"errno", 8, 8, times(20), denials.Errno, -1},
		"errno 0":               {"zero", 4, 4, times(20), denials.Errno, 0},
		"errno, many children":  {"errno", times(300), 1, 1, denials.Errno, -1},
		"trap":                  {"trap", 4, 8, times(10), denials.Trap, 0},
		"kill the thread":       {"thread", killed / 4, 8, 1, denials.KillThread, 0},
		"kill the process":      {"process", killed, 1, 1, killProcess(t), 0},
		"kill the only thread":  {"thread", killed, 0, 1, denials.Kill, 0},
		"kill a process of one": {"process", killed, 0, 1, denials.Kill, 0},
		"trace":                 {"trace", 3, 3, times(10), denials.Trace, -1},
		"trace, no tracer":      {"alone", 4, 4, times(20), denials.Errno, -38},
		"log":                   {"log", 2, 2, 1, "", 0},
		"allow":                 {"allow", 20, 4, times(5), "", 0},
	} {
		for way, w := range watchers {
			t.Run(name+", "+way, func(t *testing.T) {
				if test.way == "trace" && runtime.GOARCH != "amd64" {
					t.Skip("the program is a tracer on x86_64 only")
				}
				list, state, text := watched(t, w, program, test.way, strconv.Itoa(test.processes), strconv.Itoa(test.threads), strconv.Itoa(test.rounds))
				if !state.Success() {
					t.Errorf("the program ended with %s", state)
				}
				want, got := told(t, text), seen(t, list, test.action, test.ret)
				if test.action == "" {
					want = counts{} // they are made: only audit records tell
				} else if len(want) != kinds {
					t.Errorf("the program made %d different calls of %d", len(want), kinds)
				}
				if !maps.Equal(got, want) {
					t.Errorf("counted %v\nthe program was denied %v", got, want)
				}
			})
		}
	}
}
