package session_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// Where the kernel skips runs (raw programs that it preempts; perf-style ones while a bpf(2) operation on a map is
// preempted, and somebody makes such operations here all the time), every call is counted, or counted as missed.
func TestEveryMissIsALoss(t *testing.T) {
	hosttest.Root(t)
	const threads = 64
	calls := hosttest.Times(20_000)
	program := hosttest.Program(t, "calls", "-static", "-pthread")
	for _, probe := range mayMiss() {
		t.Run(probe, func(t *testing.T) {
			operateOnMaps(t)
			opts := options(program, strconv.Itoa(threads), strconv.Itoa(calls))
			opts.Probe = probe
			r := record(t, opts)
			got, missed := count(r, native, "getppid"), r.Losses[profiler.LossCallsMissed]
			made := uint64(threads * calls)
			t.Logf("counted %d of %d getppid; %d calls missed, of all tasks", got, made, missed)
			if got > made || got+missed < made {
				t.Errorf("counted %d getppid and missed %d calls, the program made %d", got, missed, made)
			}
			if got < made && r.Complete {
				t.Error("calls were missed, but the recording says that it is complete")
			}
		})
	}
}

// mayMiss are the probes whose programs this kernel may skip.
func mayMiss() []string {
	return slices.DeleteFunc(profiler.Probes(), func(probe string) bool {
		return probe != profiler.ProbePerf && slices.Contains(profiler.LosslessProbes(), probe)
	})
}

// operateOnMaps does what other users of BPF do, without scallop's care, until the test ends.
func operateOnMaps(t *testing.T) {
	t.Helper()
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Hash, KeySize: 4, ValueSize: 4096, MaxEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	stop, ended := make(chan struct{}), make(chan error)
	go func() {
		value := make([]byte, m.ValueSize())
		for {
			select {
			case <-stop:
				ended <- m.Close()
				return
			default:
				_ = m.Put(uint32(0), value) // what comes of it does not matter
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
