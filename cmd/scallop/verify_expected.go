package main

import (
	"slices"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// expectation is how much of a recording this run reached.
type expectation struct {
	// UnreachedPhases have calls in the recording, and this run never entered them.
	UnreachedPhases []string `json:"unreachedPhases"`
	Calls           int      `json:"calls"` // different ones in the recording
	// UnmadeCalls are those of the recording that this run did not make: it does not prove that they are
	// allowed.
	UnmadeCalls []string `json:"unmadeCalls"`
}

// compare notes what this run did not reach of the recording, if there is one.
func (v *verification) compare(expected, got *recording.Recording) {
	if expected == nil {
		return
	}
	x := &expectation{UnreachedPhases: []string{}, UnmadeCalls: []string{}}
	for _, phase := range expectedPhases(expected) {
		if !slices.Contains(v.Phases, phase) {
			x.UnreachedPhases = append(x.UnreachedPhases, phase)
		}
	}
	want, made := ownCalls(expected), []string(nil)
	if got != nil {
		made = ownCalls(got)
	}
	x.Calls = len(want)
	for _, name := range want {
		if !slices.Contains(made, name) {
			x.UnmadeCalls = append(x.UnmadeCalls, name)
		}
	}
	v.Expected = x
}

// expectedPhases are the phases of the workload itself that have calls, in the recording's order.
func expectedPhases(r *recording.Recording) []string {
	var names []string
	for _, phase := range r.Phases {
		has := slices.ContainsFunc(r.Syscalls, func(s recording.Syscall) bool { return s.Phases[phase.Name].Count > 0 })
		if has && !ofRuntime(phase.Name) && !slices.Contains(names, phase.Name) {
			names = append(names, phase.Name)
		}
	}
	return names
}

// ownCalls are the names of the calls that the workload itself made, sorted.
func ownCalls(r *recording.Recording) []string {
	var names []string
	for _, s := range r.Syscalls {
		for phase := range s.Phases {
			if !ofRuntime(phase) {
				names = append(names, callLabel(s.Name, s.Nr, s.ABI))
				break
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func ofRuntime(phase string) bool {
	return phase == recording.PhaseSetup || phase == recording.PhaseHandover
}
