package session_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/leftover"
	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Processes that two others start as fast as they can, ten thousand a second and more where the machine is not busy with
// anything else: each one's calls are there.
func TestFaultForks(t *testing.T) {
	hosttest.Root(t)
	forks := hosttest.Program(t, "forks", "-static")
	const calls = 3
	each := hosttest.Times(hosttest.Amount(1_500, 100_000))
	r := record(t, options("sh", "-c", `"$0" "$1" "$2" 0 & "$0" "$1" "$2" 0 & wait`, forks, fmt.Sprint(each), fmt.Sprint(calls)))
	took := phase(r, recording.PhaseStartup).EndNs - phase(r, recording.PhaseStartup).StartNs
	t.Logf("%.0f forks a second", float64(2*each)/time.Duration(took).Seconds())
	complete(t, r)
	// The shell asks for its parent, too.
	if got, want := count(r, native, "getppid"), uint64(2*each*calls)+1; got != want {
		t.Errorf("counted %d getppid, the programs made %d", got, want)
	}
	if got, want := count(r, native, "exit_group"), uint64(2*each+3); got != want {
		t.Errorf("counted %d exit_group of %d processes", got, want)
	}
}

// A workload that sorts its own threads into threaded cgroups, and moves them all the while.
func TestFaultThreadsMove(t *testing.T) {
	hosttest.Root(t)
	hosttest.Cgroup2(t, "cgroup.type")
	leftover.None(t)
	hop := hosttest.Program(t, "hop", "-static", "-pthread")
	const threads = 8
	calls := hosttest.Times(hosttest.Amount(4_000, 400_000))
	script := `exec "$0" "` + mount(t).Path + `$(sed -n 's/^0:://p' /proc/self/cgroup)" "$1" "$2"`
	r := record(t, options("sh", "-c", script, hop, fmt.Sprint(threads), fmt.Sprint(calls)))
	complete(t, r)
	if end := r.Workload.Leader.End; !strings.HasPrefix(end, "exited by itself with code 0") {
		t.Fatalf("the program %s", end)
	}
	if got, want := count(r, native, "getsid"), uint64(threads*calls); got != want {
		t.Errorf("counted %d getsid, the program made %d", got, want)
	}
	for _, s := range r.Syscalls {
		if s.Name == "getsid" && len(s.Phases) != 1 {
			t.Errorf("getsid in phases %v, want startup alone", s.Phases)
		}
	}
}

func mount(t *testing.T) cgroup.Mount {
	t.Helper()
	m, err := cgroup.FindMount()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A frozen workload makes no call, loses none, and can be stopped.
func TestFaultFrozen(t *testing.T) {
	hosttest.Root(t)
	hosttest.Cgroup2(t, "cgroup.freeze")
	leftover.None(t)
	until := hosttest.Program(t, "until", "-static")
	for name, thaws := range map[string]bool{"thawed": true, "for ever": false} {
		t.Run(name, func(t *testing.T) {
			var made bytes.Buffer
			opts := options(until)
			opts.Launch.Stdout = &made
			opts.Duration, opts.StopTimeout = time.Second, 20*time.Second
			if !thaws {
				opts.StopTimeout = 200 * time.Millisecond
			}
			done := make(chan error, 1)
			go func() { done <- freeze(filepath.Join(mount(t).Path, runCgroup(t)), until, thaws) }()
			r := record(t, opts)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			complete(t, r)
			checkFrozen(t, r, thaws, made.String())
		})
	}
}

func checkFrozen(t *testing.T, r *recording.Recording, thawed bool, made string) {
	t.Helper()
	if !thawed {
		if r.Workload.Leader.Signal != "SIGKILL" || count(r, native, "getppid") == 0 {
			t.Errorf("leader %+v, %d getppid", r.Workload.Leader, count(r, native, "getppid"))
		}
		return
	}
	want, err := strconv.ParseUint(strings.TrimSpace(made), 10, 64)
	if got := count(r, native, "getppid"); err != nil || got != want || got == 0 {
		t.Errorf("counted %d getppid, the program made %d (%v)", got, want, err)
	}
}

// runCgroup is the path of the cgroup that a session of this process makes.
func runCgroup(t *testing.T) string {
	t.Helper()
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(mount(t).ParseOwn(string(own)), fmt.Sprintf("scallop-run-%d-test", os.Getpid()))
}

// freeze the process in a cgroup that is about to be made when it runs the program, and thaw it a little later.
func freeze(dir, program string, thaw bool) error {
	write := func(text string) error { return os.WriteFile(filepath.Join(dir, "cgroup.freeze"), []byte(text), 0) }
	if err := retry(func() error { return handlesStop(dir, program) }); err != nil {
		return err
	}
	time.Sleep(50 * time.Millisecond) // it makes calls
	if err := write("1"); err != nil {
		return err
	}
	if err := retry(func() error { return holds(dir, "frozen 1") }); err != nil || !thaw {
		return err
	}
	time.Sleep(200 * time.Millisecond)
	return write("0")
}

// handlesStop tells whether the process in a cgroup is the program, and handles its stop signal: before, that ends it even when it
// is frozen.
func handlesStop(dir, program string) error {
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	return process.Handles(pid, program)
}

// holds tells whether a line is in cgroup.events.
func holds(dir, line string) error {
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.events"))
	if err == nil && !strings.Contains(string(text), line) {
		err = fmt.Errorf("not %s: %q", line, text)
	}
	return err
}

// A process that calls itself escape sequences, while it runs.
func TestFaultHostileComm(t *testing.T) {
	hosttest.Root(t)
	r := record(t, options("sh", "-c", `printf '\033]0;x\007\n\377' >/proc/$$/comm; umask`))
	complete(t, r)
	for _, s := range r.Syscalls {
		if s.Name == "umask" && s.Phases["startup"].First.Comm != `\x1b]0;x\x07\x0a\xff` {
			t.Errorf("comm %q", s.Phases["startup"].First.Comm)
		}
	}
}

// The wall clock goes a day ahead and two back: a recording's times are those of another clock, and its begin is what was
// true then.
func TestFaultWallClock(t *testing.T) {
	hosttest.Root(t)
	hosttest.OwnMachine(t, "its clock is everybody's")
	before := time.Now()
	jump := `date -s "@$(($(date +%s) + $1))" >/dev/null && umask`
	r := record(t, options("sh", "-c", `jump() { `+jump+`; }; jump 86400; sleep 0.1; jump -172800`))
	_ = exec.Command("date", "-s", fmt.Sprint("@", before.Unix())).Run()
	complete(t, r)
	checkTimes(t, r)
	if d := time.Duration(r.DurationNs); d < 100*time.Millisecond || d > 5*time.Minute {
		t.Errorf("it took %s", d)
	}
	if begin := r.StartedAt.Sub(before); begin < -time.Minute || begin > 5*time.Minute {
		t.Errorf("started at %s, %s after the test", r.StartedAt, begin)
	}
}

// checkTimes: phases follow each other, and each call was made within the recording.
func checkTimes(t *testing.T, r *recording.Recording) {
	t.Helper()
	at := int64(0)
	for _, p := range r.Phases {
		if p.StartNs < at || p.EndNs < p.StartNs {
			t.Errorf("phases %+v", r.Phases)
		}
		at = p.EndNs
	}
	for _, s := range r.Syscalls {
		for name, c := range s.Phases {
			if c.First.OffsetNs < 0 || c.First.OffsetNs > r.DurationNs || c.LastSeenNs > r.DurationNs {
				t.Errorf("%s in %s: %+v of %d ns", s.Name, name, c, r.DurationNs)
			}
		}
	}
}
