package session_test

import (
	"strconv"
	"testing"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/recording"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

func TestExactThreads(t *testing.T) {
	hosttest.Root(t)
	calls := hosttest.Program(t, "calls", "-static", "-pthread")
	for _, probe := range profiler.LosslessProbes() {
		t.Run(probe, func(t *testing.T) {
			each := hosttest.Times(200_000)
			opts := options(calls, "64", strconv.Itoa(each))
			opts.Probe = probe
			r := record(t, opts)
			exact(t, r, "getppid", 64*each)
		})
	}
}

func TestExactProcesses(t *testing.T) {
	hosttest.Root(t)
	forks := hosttest.Program(t, "forks", "-static")
	for name, test := range map[string]struct {
		processes, calls, depth int
	}{
		"200 short-lived": {200, hosttest.Times(64_000), 0},
		"fork storm":      {hosttest.Times(3000), 10, 0},
		"deep fork storm": {hosttest.Times(300), 20, 9},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, options(forks, strconv.Itoa(test.processes), strconv.Itoa(test.calls), strconv.Itoa(test.depth)))
			exact(t, r, "getppid", test.processes*(test.depth+1)*test.calls)
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
	hosttest.Cgroup2(t, "what the helper calls before the execve differs from run to run")
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
		if got := number(r, native, nr); got != 100 {
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
