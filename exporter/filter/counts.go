package filter

import (
	"math"
	"slices"

	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// CountsOf adds up the calls of a recording in the given phases, or, without any, in those of the workload's own life and
// the handover. Setup is before the filter.
func CountsOf(rec *recording.Recording, phases ...string) Counts {
	counts := Counts{}
	for i := range rec.Syscalls {
		s := &rec.Syscalls[i]
		for name, p := range s.Phases {
			if name == recording.PhaseSetup || len(phases) > 0 && !slices.Contains(phases, name) {
				continue
			}
			counts.add(Call{syscalls.ABI(s.ABI), s.Nr}, p.Count)
		}
	}
	return counts
}

func (c Counts) add(call Call, n uint64) {
	if n > math.MaxUint64-c[call] {
		n = math.MaxUint64 - c[call]
	}
	if n > 0 {
		c[call] += n
	}
}
