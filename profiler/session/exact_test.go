package session_test

import (
	"testing"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/recording"
)

func TestExactThreads(t *testing.T) {
	hosttest.Root(t)
	calls := hosttest.Program(t, "calls", "-static", "-pthread")
	for _, probe := range profiler.LosslessProbes() {
		t.Run(probe, func(t *testing.T) {
			opts := options(calls, "64", "200000")
			opts.Probe = probe
			r := record(t, opts)
			complete(t, r)
			if got := count(r, "x86_64", "getppid"); got != 64*200_000 {
				t.Errorf("counted %d getppid, the program made %d", got, 64*200_000)
			}
		})
	}
}

func TestExactProcesses(t *testing.T) {
	hosttest.Root(t)
	forks := hosttest.Program(t, "forks", "-static")
	for name, test := range map[string]struct {
		processes, calls, depth string
		want                    uint64
	}{
		"200 short-lived": {"200", "64000", "0", 200 * 64_000},
		"fork storm":      {"3000", "10", "0", 3000 * 10},
		"deep fork storm": {"300", "20", "9", 300 * 10 * 20},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, options(forks, test.processes, test.calls, test.depth))
			complete(t, r)
			if got := count(r, "x86_64", "getppid"); got != test.want {
				t.Errorf("counted %d getppid, the program made %d", got, test.want)
			}
			if end := r.Workload.Leader; end.ExitCode == nil || *end.ExitCode != 0 {
				t.Errorf("the program %s", end.End)
			}
		})
	}
}

// A counter for each call of the child before its execve, and three for the 21 kinds
// of the program: what has none must be counted as lost, to the call.
func TestExactLosses(t *testing.T) {
	hosttest.Root(t)
	kinds := hosttest.Program(t, "kinds", hosttest.Bare...)
	whole := record(t, options(kinds))
	complete(t, whole)
	const made = 20*1000 + 1
	if got := phaseTotal(whole, recording.PhaseStartup); got != made {
		t.Fatalf("counted %d calls, the program made %d", got, made)
	}
	opts := options(kinds)
	opts.Sizes.Calls = setupKinds(whole) + 3
	r := record(t, opts)
	if r.Complete {
		t.Error("calls were lost, but the recording says that it is complete")
	}
	kept, lost := phaseTotal(r, recording.PhaseStartup), r.Losses[profiler.LossCallsFull]
	if kept != 3000 || kept+lost != made {
		t.Errorf("kept %d and lost %d of %d calls", kept, lost, made)
	}
	if phaseTotal(r, recording.PhaseSetup) != phaseTotal(whole, recording.PhaseSetup) {
		t.Errorf("setup differs: %d and %d calls", phaseTotal(r, recording.PhaseSetup), phaseTotal(whole, recording.PhaseSetup))
	}
}

func setupKinds(r *recording.Recording) int {
	kinds := 0
	for _, s := range r.Syscalls {
		if s.Phases[recording.PhaseSetup].Count > 0 {
			kinds++
		}
	}
	return kinds
}

func TestNumbersOutOfTables(t *testing.T) {
	hosttest.Root(t)
	r := record(t, options(hosttest.Program(t, "ranges", hosttest.Bare...)))
	for _, nr := range []int{511, 512, 5000, 1<<30 - 1} {
		if got := number(r, "x86_64", nr); got != 100 {
			t.Errorf("number %d: counted %d calls, the program made 100", nr, got)
		}
	}
	if got := r.Losses[profiler.LossCallsRange]; got != 100 || r.Complete {
		t.Errorf("%d calls out of range (complete: %v), the program made 100", got, r.Complete)
	}
}

func number(r *recording.Recording, abi string, nr int) uint64 {
	for _, s := range r.Syscalls {
		if s.ABI == abi && s.Nr == nr {
			return s.Total
		}
	}
	return 0
}

func TestABIs(t *testing.T) {
	hosttest.Root(t)
	for _, probe := range profiler.LosslessProbes() {
		t.Run("64-bit program "+probe, func(t *testing.T) {
			opts := options(hosttest.Program(t, "abi64", hosttest.Bare...))
			opts.Probe = probe
			r := record(t, opts)
			complete(t, r)
			for abi, want := range map[string]uint64{"x86_64": 300, "x86": 200, "x32": 100} {
				if got := count(r, abi, "getpid"); got != want {
					t.Errorf("%s: counted %d getpid, the program made %d", abi, got, want)
				}
			}
			if got := count(r, "x86_64", "writev"); got != 0 {
				t.Errorf("a 32-bit getpid (20) is recorded as %d writev", got)
			}
		})
	}
	t.Run("32-bit program", func(t *testing.T) {
		r := record(t, options(hosttest.Program(t, "abi32", append(hosttest.Bare, "-m32")...)))
		complete(t, r)
		if got := count(r, "x86", "getpid"); got != 200 {
			t.Errorf("counted %d getpid, the program made 200", got)
		}
		if got := count(r, "x86", "exit_group"); got != 1 {
			t.Errorf("counted %d exit_group, the program made 1", got)
		}
		for _, s := range r.Syscalls {
			if s.ABI == "x86_64" && s.Phases[recording.PhaseStartup].Count > 0 {
				t.Errorf("a 32-bit program made the 64-bit call %s", s.Name)
			}
		}
	})
}
