package exporter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// phasesOf returns every phase that one of the recordings reached, in the order of a life.
func phasesOf(recs []*recording.Recording) []string {
	var marked []string
	reached := map[string]bool{}
	for _, r := range recs {
		for _, name := range recording.PhaseNames(r) {
			if !reached[name] && !slices.Contains(recording.Lifecycle, name) {
				marked = append(marked, name)
			}
			reached[name] = true
		}
	}
	// By name: the order of the recordings must not show.
	slices.Sort(marked)
	var all []string
	for _, name := range recording.Lifecycle {
		if name == recording.PhaseShutdown {
			all = append(all, marked...)
		}
		if reached[name] {
			all = append(all, name)
		}
	}
	return all
}

// choosePhases returns the phases to export, of those that were reached: the asked ones, or all but
// setup. With startup goes handover: who starts under the filter needs both.
func choosePhases(reached, asked []string) ([]string, error) {
	var chosen []string
	for _, name := range asked {
		if err := checkAsked(reached, name); err != nil {
			return nil, err
		}
	}
	for _, name := range reached {
		in := len(asked) == 0 || slices.Contains(asked, name) ||
			name == recording.PhaseHandover && slices.Contains(asked, recording.PhaseStartup)
		if in && name != recording.PhaseSetup {
			chosen = append(chosen, name)
		}
	}
	return chosen, nil
}

func checkAsked(reached []string, name string) error {
	usable := slices.DeleteFunc(slices.Clone(reached), func(n string) bool { return n == recording.PhaseSetup })
	have := strings.Join(usable, ", ")
	switch {
	case name == recording.PhaseSetup:
		return fmt.Errorf("phase setup is never exported, since no filter is loaded then: choose of %s", have)
	case slices.Contains(reached, name):
		return nil
	case slices.Contains(recording.Lifecycle, name):
		return fmt.Errorf("phase %s was not reached in any recording, so its calls are unknown: record until it is, or choose of %s", name, have)
	}
	return fmt.Errorf("phase %q is in no recording: choose of %s", name, have)
}

// withStart tells whether the profile must let a container start.
func withStart(asked []string) bool {
	return len(asked) == 0 || slices.Contains(asked, recording.PhaseStartup) || slices.Contains(asked, recording.PhaseHandover)
}
