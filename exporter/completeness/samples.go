package completeness

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Samples is what is known from which samples have a call, however often. Recordings are closer to
// independent draws than the calls of one program are.
type Samples struct {
	Count int `json:"count"`
	// Once and Twice count the different calls that so many samples have.
	Once  int `json:"once"`
	Twice int `json:"twice"`
	// Incidences is the sum over all samples of their different calls.
	Incidences int     `json:"incidences"`
	Coverage   float64 `json:"coverage"`
	Unseen     float64 `json:"unseen"`
	// LastNew is the last sample, from 1 in the order of time, that had a call that none before it had.
	LastNew int `json:"lastNew"`
}

func (s *Samples) add(samples int) {
	s.Incidences += samples
	switch samples {
	case 1:
		s.Once++
	case 2:
		s.Twice++
	}
}

func (s *Samples) estimate(room float64) {
	s.Coverage = coverageOfSamples(s.Once, s.Twice, s.Count, s.Incidences)
	s.Unseen = min(room, chao(s.Once, s.Twice, float64(s.Count)))
}

// inTime returns the parts of r in the order they began.
func inTime(r *recording.Recording) []recording.Part {
	parts := recording.Parts(r)
	slices.SortFunc(parts, func(a, b recording.Part) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.ID, b.ID))
	})
	return parts
}

// reaching are the parts that made a call in one of the phases.
func (s *sampled) reaching(phases []string) []recording.Part {
	return slices.DeleteFunc(slices.Clone(s.parts), func(p recording.Part) bool {
		return !slices.ContainsFunc(phases, func(name string) bool { return len(p.Calls[name]) > 0 })
	})
}

// kindsIn are the different calls of a part in some phases, by name: the same program makes the same
// calls on hosts of another architecture, under other numbers. One of a sub-ABI says so.
func kindsIn(p *recording.Part, phases []string) map[string]bool {
	kinds := map[string]bool{}
	for _, phase := range phases {
		for abi, counts := range p.Calls[phase] {
			for nr := range counts.All() {
				kinds[title(abi, nr, p.Host.Architecture)] = true
			}
		}
	}
	return kinds
}

func title(abi string, nr int, native string) string {
	name, ok := syscalls.Name(syscalls.ABI(abi), nr)
	if !ok {
		name = fmt.Sprintf("#%d", nr)
	}
	if abi != native {
		name += " (" + abi + ")"
	}
	return name
}

func samplesOf(parts []recording.Part, phases []string, room float64) *Samples {
	s := &Samples{Count: len(parts)}
	times := map[string]int{}
	for i := range parts {
		for key := range kindsIn(&parts[i], phases) {
			if times[key] == 0 {
				s.LastNew = i + 1
			}
			times[key]++
		}
	}
	for _, n := range times {
		s.add(n)
	}
	s.estimate(room)
	return s
}

// Run is what one recording added to those before it.
type Run struct {
	Part recording.Part
	// Different counts its own kinds of calls, Total those of all runs so far.
	Different int
	Total     int
	Added     []string // sorted
}

// Runs tells in the order of time which recording added what, in the named phases or in all own ones.
func Runs(r *recording.Recording, phases []string) []Run {
	seen := map[string]bool{}
	var runs []Run
	for _, p := range inTime(r) {
		run := Run{Part: p}
		for name := range kindsIn(&p, ownOf(r, phases)) {
			run.Different++
			if !seen[name] {
				seen[name] = true
				run.Added = append(run.Added, name)
			}
		}
		slices.Sort(run.Added)
		run.Total = len(seen)
		runs = append(runs, run)
	}
	return runs
}

// OverTime counts the different calls that were seen by the end of each of n equal windows of the time.
func OverTime(r *recording.Recording, phases []string, n int) []int {
	s := newSampled(r)
	own := ownOf(r, phases)
	t := s.timeIn(own)
	length := t.length()
	counts := make([]int, n)
	for _, c := range firsts(s.in(own)) {
		window := n - 1
		if length > 0 {
			window = min(window, int(float64(t.until(c.First.OffsetNs))/float64(length)*float64(n)))
		}
		counts[window]++
	}
	for i := 1; i < n; i++ {
		counts[i] += counts[i-1]
	}
	return counts
}

// callName is the name of a call, or its number if no table knows it.
func callName(s *recording.Syscall) string {
	if name := cmp.Or(s.Name, nameOf(s)); name != "" {
		return name
	}
	return fmt.Sprintf("#%d", s.Nr)
}

func nameOf(s *recording.Syscall) string {
	name, _ := syscalls.Name(syscalls.ABI(s.ABI), s.Nr)
	return name
}
