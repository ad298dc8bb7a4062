package recorded

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// Read reads a recording.
func Read(t testing.TB, path string) *recording.Recording {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rec, err := recording.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// CheckComplete fails the test if anything was lost.
func CheckComplete(t testing.TB, rec *recording.Recording) {
	t.Helper()
	if !rec.Complete || rec.Incomplete != nil {
		t.Errorf("incomplete: %q", rec.Incomplete)
	}
	for reason, n := range rec.Losses {
		if n != 0 {
			t.Errorf("%d %s", n, reason)
		}
	}
}

// CheckPhases fails the test unless the workload's own phases are these and no others, begun by these triggers, with calls in each.
// A trigger of two words is a kind and the first word of its detail.
func CheckPhases(t testing.TB, rec *recording.Recording, want ...[2]string) {
	t.Helper()
	var got [][2]string
	for _, phase := range rec.Phases {
		if phase.Name == recording.PhaseSetup || phase.Name == recording.PhaseHandover {
			continue
		}
		trigger := phase.Trigger.Kind
		if trigger == "signal" {
			trigger += " " + strings.Fields(phase.Trigger.Detail + " ?")[0]
		}
		got = append(got, [2]string{phase.Name, trigger})
		if len(Calls(rec, phase.Name)) == 0 {
			t.Errorf("no call in %s", phase.Name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("phases %v, want %v", got, want)
	}
}

// Call is the evidence of one call in one phase.
type Call struct {
	Name, Phase string
	Count       uint64
	First       recording.FirstCall
}

// Calls are those that were made in any of the phases.
func Calls(rec *recording.Recording, phases ...string) []Call {
	var list []Call
	for _, syscall := range rec.Syscalls {
		for _, phase := range phases {
			if n := syscall.Phases[phase]; n.Count > 0 {
				list = append(list, Call{syscall.Name, phase, n.Count, n.First})
			}
		}
	}
	return list
}

// Count of a call in a phase.
func Count(rec *recording.Recording, name, phase string) uint64 {
	for _, call := range Calls(rec, phase) {
		if call.Name == name {
			return call.Count
		}
	}
	return 0
}
