// Package completeness puts a figure on how far a recording can be trusted to hold every call
// that the workload makes: from how many calls were seen only once or twice, how many are likely
// to be still unseen. The formulas, their sources and what they assume are in docs/completeness.md.
package completeness

import (
	"slices"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// Figure is what the counts of one phase, or of all together, say about what is missing.
type Figure struct {
	// Phase is empty for all phases together.
	Phase string `json:"phase,omitempty"`
	// Calls is how many were made, Different how many different ones (an ABI and a number).
	Calls     uint64 `json:"calls"`
	Different int    `json:"different"`
	// Once and Twice count the different calls that were made so often.
	Once  int `json:"once"`
	Twice int `json:"twice"`
	// Coverage is the estimated share of the next calls that are of a kind seen before (Good 1953).
	Coverage float64 `json:"coverage"`
	// Unseen is a lower bound of the kinds not seen yet (Chao 1984).
	Unseen float64 `json:"unseen"`
	// LastNew is when the last kind appeared that had not been seen before.
	LastNew *LastNew `json:"lastNew,omitempty"`
	// Halves compares the first half of the time with the second; nil for several recordings.
	Halves *Samples `json:"halves,omitempty"`
	// Recordings compares recordings with each other; nil if there is one.
	Recordings *Samples `json:"recordings,omitempty"`
}

// LastNew is the first call of the kind that appeared last.
type LastNew struct {
	Name string `json:"name"`
	// AtNs of OfNs: the time spent in the phase until then, and in all.
	AtNs int64 `json:"atNs"`
	OfNs int64 `json:"ofNs"`
	// AtLeast and AtMost bound how many calls were made before it. A recording has no order of
	// calls, but it tells which had ended and which had not begun.
	AtLeast uint64 `json:"callsBeforeAtLeast"`
	AtMost  uint64 `json:"callsBeforeAtMost"`
}

// Report has a figure for each phase and one for all together.
type Report struct {
	All    Figure   `json:"all"`
	Phases []Figure `json:"phases"`
}

// Of returns the figures of the named phases, or of all that are the workload's own if none is
// named. Setup and handover are the runtime's, of which more is known than one recording tells.
func Of(r *recording.Recording, phases []string) *Report {
	own := ownOf(r, phases)
	s := newSampled(r)
	report := &Report{All: s.figure("", own), Phases: []Figure{}}
	for _, name := range own {
		report.Phases = append(report.Phases, s.figure(name, []string{name}))
	}
	return report
}

// Lowest is the coverage that a gate should look at, and which one that is: the lowest of those of
// all phases and of steady, over calls and, with several recordings, over recordings. Startup
// and shutdown alone are not asked: they are short scripts that make most of their calls once.
// It is 0 if no call was made.
func (r *Report) Lowest() (coverage float64, of string) {
	coverage, of = r.All.lowest("all phases")
	for i := range r.Phases {
		if f := &r.Phases[i]; f.Phase == recording.PhaseSteady && f.Calls > 0 {
			if c, what := f.lowest("steady"); c < coverage {
				coverage, of = c, what
			}
		}
	}
	return coverage, of
}

func (f *Figure) lowest(name string) (float64, string) {
	if s := f.Recordings; s != nil && s.Coverage < f.Coverage {
		return s.Coverage, name + " over recordings"
	}
	return f.Coverage, name + " over calls"
}

// cell is one call in one phase: what the recording holds the evidence of.
type cell struct {
	key   callKey
	name  string
	phase string
	recording.PhaseCount
}

type callKey struct {
	abi string
	nr  int
}

// sampled is a recording seen as samples: the recordings that it was made of.
type sampled struct {
	rec   *recording.Recording
	cells []cell
	parts []recording.Part // in the order of time
}

func newSampled(r *recording.Recording) *sampled {
	s := &sampled{rec: r, parts: inTime(r)}
	for i := range r.Syscalls {
		c := &r.Syscalls[i]
		for phase, p := range c.Phases {
			s.cells = append(s.cells, cell{callKey{c.ABI, c.Nr}, callName(c), phase, p})
		}
	}
	return s
}

func (s *sampled) figure(name string, phases []string) Figure {
	f := Figure{Phase: name}
	kinds := map[callKey]uint64{}
	cells := s.in(phases)
	for i := range cells {
		kinds[cells[i].key] += cells[i].Count
		f.Calls += cells[i].Count
	}
	for _, n := range kinds {
		switch n {
		case 1:
			f.Once++
		case 2:
			f.Twice++
		}
	}
	f.Different = len(kinds)
	if f.Calls == 0 {
		return f
	}
	room := unseenRoom(kinds)
	f.Coverage = goodTuring(f.Once, f.Calls)
	f.Unseen = min(room, chao(f.Once, f.Twice, float64(f.Calls)))
	if parts := s.reaching(phases); len(parts) > 1 {
		f.Recordings = samplesOf(parts, phases, room)
	} else {
		t := s.timeIn(phases)
		f.LastNew = lastNew(cells, t)
		f.Halves = halves(cells, t, room)
	}
	return f
}

func (s *sampled) in(phases []string) []cell {
	var list []cell
	for i := range s.cells {
		if slices.Contains(phases, s.cells[i].phase) {
			list = append(list, s.cells[i])
		}
	}
	return list
}

// ownOf are the phases of r that are the workload's own, and asked for.
func ownOf(r *recording.Recording, asked []string) []string {
	var own []string
	for _, name := range recording.PhaseNames(r) {
		runtime := name == recording.PhaseSetup || name == recording.PhaseHandover
		if !runtime && (len(asked) == 0 || slices.Contains(asked, name)) {
			own = append(own, name)
		}
	}
	return own
}
