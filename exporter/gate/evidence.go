// Package gate holds what decides over a change of a profile: what two of them differ in
// (diff), whether one covers what was recorded (check), and why a call is in one or not (explain). Every
// function is pure; files, flags and formats are other packages' business.
package gate

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Evidence sums up recordings and denial reports one at a time. It grows with the number of different
// workloads and calls, not with the number of recordings.
type Evidence struct {
	folds      map[foldKey]*fold
	merged     map[string]*recording.Merger // by workload, for the coverage
	ids        map[string]bool
	files      int
	duplicates int
	incomplete []Incomplete
	filtered   []string // sources of recordings made under a seccomp filter
	reached    map[string]bool
	unreached  map[string]int // by phase: recordings that did not reach it
	losses     map[string]uint64
	kernels    map[string]string // by the hosts' native ABI
	denials    denials
}

// Incomplete is a recording that says that it misses calls.
type Incomplete struct {
	Source, Workload string
	Why              []string
}

// NewEvidence is the evidence of no recording.
func NewEvidence() *Evidence {
	return &Evidence{
		folds: map[foldKey]*fold{}, merged: map[string]*recording.Merger{}, ids: map[string]bool{}, reached: map[string]bool{},
		unreached: map[string]int{}, losses: map[string]uint64{}, kernels: map[string]string{}, denials: newDenials(),
	}
}

// Add takes in one recording; source is what the user calls it. A recording that is in already, by
// its ID or by those of its parts, adds nothing. rec is not kept.
func (e *Evidence) Add(source string, rec *recording.Recording) error {
	e.files++
	if e.known(rec.ID, partsOf(rec)) {
		e.duplicates++
		return nil
	}
	name := Workload(rec)
	if e.merged[name] == nil {
		e.merged[name] = recording.NewMerger()
	}
	if err := e.merged[name].Add(rec); err != nil {
		return err
	}
	e.note(source, rec)
	key := keyOf(rec)
	if e.folds[key] == nil {
		e.folds[key] = newFold(rec)
	}
	e.folds[key].add(source, rec)
	return nil
}

// known tells whether a file with that ID is in already, or all that it was merged from, and remembers these.
func (e *Evidence) known(id string, parts []string) bool {
	known := e.ids[id]
	e.ids[id] = true
	unknown := 0
	for _, part := range parts {
		if !e.ids[part] {
			unknown++
		}
		e.ids[part] = true
	}
	return known || len(parts) > 0 && unknown == 0
}

func partsOf(rec *recording.Recording) []string {
	var ids []string
	for i := range rec.Parts {
		ids = append(ids, rec.Parts[i].ID)
	}
	return ids
}

// note keeps what a recording says of itself.
func (e *Evidence) note(source string, rec *recording.Recording) {
	if !rec.Complete {
		e.incomplete = append(e.incomplete, Incomplete{source, Workload(rec), rec.Incomplete})
	}
	if rec.Workload.Seccomp == 2 {
		e.filtered = append(e.filtered, source)
	}
	for _, name := range recording.PhaseNames(rec) {
		e.reached[name] = true
	}
	for _, name := range rec.Unreached {
		e.unreached[name]++
	}
	for reason, n := range rec.Losses {
		e.losses[reason] = addCapped(e.losses[reason], n)
	}
	noteKernels(e.kernels, rec)
}

// Recordings is the number of different recordings.
func (e *Evidence) Recordings() int { return e.files - e.duplicates }

// Workloads are the names of what was recorded, sorted, each once.
func (e *Evidence) Workloads() []string { return slices.Sorted(maps.Keys(e.merged)) }

// Phases are those that a recording reached, in the order of a life.
func (e *Evidence) Phases() []string { return inLifeOrder(slices.Collect(maps.Keys(e.reached))) }

// Call is what was seen of one call over all recordings.
type Call struct {
	ABI    string
	Nr     int
	Name   string // "" for a number that no table knows
	Phases []PhaseSeen
}

// PhaseSeen is what was seen of a call in one phase.
type PhaseSeen struct {
	Phase      string
	Count      uint64
	Recordings int
	First      First
}

// First is the earliest first call of all recordings.
type First struct {
	Source, Workload string
	OffsetNs         int64
	Comm, Exe        string
	PID              int
	at               time.Time
}

// Title names a call, by its number if it has no name.
func (c *Call) Title() string { return title(c.Name, c.Nr) }

// Calls are all that were seen, in whatever phase, the most frequent first.
func (e *Evidence) Calls() []Call {
	merged := map[callKey]*callSeen{}
	for _, f := range e.folds {
		for key, seen := range f.calls {
			if merged[key] == nil {
				merged[key] = &callSeen{name: seen.name, phases: map[string]PhaseSeen{}}
			}
			merged[key].merge(seen)
		}
	}
	var calls []Call
	for key, seen := range merged {
		calls = append(calls, seen.call(key))
	}
	slices.SortFunc(calls, compareCalls)
	return calls
}

// compareCalls: the most frequent first.
func compareCalls(a, b Call) int {
	return cmp.Or(cmp.Compare(b.Count(), a.Count()), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ABI, b.ABI), cmp.Compare(a.Nr, b.Nr))
}

// Count sums up the phases.
func (c *Call) Count() (sum uint64) {
	for _, p := range c.Phases {
		sum = addCapped(sum, p.Count)
	}
	return sum
}

// In is the call as if only some phases had been recorded; false if it was in none of them.
func (c *Call) In(want func(phase string) bool) (Call, bool) {
	part := *c
	part.Phases = nil
	for _, p := range c.Phases {
		if want(p.Phase) {
			part.Phases = append(part.Phases, p)
		}
	}
	return part, len(part.Phases) > 0
}

// First is the first call of all phases.
func (c *Call) First() (phase string, first First) {
	for i, p := range c.Phases {
		if i == 0 || p.First.before(first) {
			phase, first = p.Phase, p.First
		}
	}
	return phase, first
}

// before orders by time, and by the rest so that the order of the input never shows.
func (f First) before(g First) bool {
	return cmp.Or(f.at.Compare(g.at), cmp.Compare(f.Source, g.Source), cmp.Compare(f.Workload, g.Workload),
		cmp.Compare(f.Comm, g.Comm), cmp.Compare(f.Exe, g.Exe), cmp.Compare(f.PID, g.PID)) < 0
}

// Workload is the name of what was recorded.
func Workload(r *recording.Recording) string {
	return cmp.Or(recording.CleanString(r.Workload.Name), "an unnamed workload")
}

// nameOf trusts the tables over the file, as the exporter does.
func nameOf(s *recording.Syscall) string {
	if name, ok := syscalls.Name(syscalls.ABI(s.ABI), s.Nr); ok {
		return name
	}
	return s.Name
}

func addCapped(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

// inLifeOrder sorts phases: those of every life in their order, marked ones by name before shutdown.
func inLifeOrder(phases []string) []string {
	rank := func(phase string) int {
		i := slices.Index(recording.Lifecycle, phase)
		if i < 0 {
			return 2*len(recording.Lifecycle) - 3 // just before shutdown
		}
		return 2 * i
	}
	slices.SortFunc(phases, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	return phases
}

// Exported is what the exporter makes of the evidence: every call with its reasons.
func (e *Evidence) Exported(opts exporter.Options) (*exporter.Profile, error) {
	return e.build(opts, func(*recording.Syscall) bool { return true })
}

// build makes the profile of those calls that keep takes.
func (e *Evidence) build(opts exporter.Options, keep func(*recording.Syscall) bool) (*exporter.Profile, error) {
	var recs []*recording.Recording
	for _, key := range slices.SortedFunc(maps.Keys(e.folds), foldKey.compare) {
		r := e.folds[key].recording()
		r.Syscalls = slices.DeleteFunc(r.Syscalls, func(s recording.Syscall) bool { return !keep(&s) })
		recs = append(recs, r)
	}
	return exporter.Build(recs, opts)
}

// named calls are those that a profile can hold.
func named(s *recording.Syscall) bool { return s.Name != "" }
