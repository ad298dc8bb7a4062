package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// ranking is what `scallop show` shows, in any output format.
type ranking struct {
	rec    *recording.Recording
	phases []string // columns, in the order of a life
	phase  string   // the one that is ranked, or "" for all
	total  uint64   // calls in all rows, also those beyond the limit
	rows   []rankRow
	more   int // rows beyond the limit
	abis   bool
}

// rankRow is one call.
type rankRow struct {
	rank       int // by count, from 1
	call       *recording.Syscall
	count      uint64  // in the ranked phase, or in all but setup
	share      float64 // of total, 0 to 1
	cumulative float64 // with all rows of a better rank
	firstPhase string
	first      recording.FirstCall
	only       string // e.g. "startup-only"
	danger     string // level of a dangerous call
}

// newRanking ranks the calls of rec. Counts are exact; a phase that rec does not have is an error.
func newRanking(rec *recording.Recording, opts showOptions) (*ranking, error) {
	r := &ranking{rec: rec, phases: recording.PhaseNames(rec), phase: opts.phase}
	if opts.phase != "" && !slices.Contains(r.phases, opts.phase) {
		return nil, fmt.Errorf("phase %q is not in this recording: choose of %s",
			opts.phase, strings.Join(r.phases, ", "))
	}
	abis := map[string]bool{}
	for i := range rec.Syscalls {
		s := &rec.Syscalls[i]
		abis[s.ABI] = true
		if row, ok := r.row(s); ok {
			r.rows = append(r.rows, row)
			r.total += row.count
		}
	}
	r.abis = len(abis) > 1
	r.number()
	r.order(opts.sort)
	if opts.limit > 0 && len(r.rows) > opts.limit {
		r.more = len(r.rows) - opts.limit
		r.rows = r.rows[:opts.limit]
	}
	return r, nil
}

func (r *ranking) row(s *recording.Syscall) (rankRow, bool) {
	row := rankRow{call: s, count: s.Total, only: r.only(s), danger: danger(s.Name)}
	if r.phase != "" {
		row.count = s.Phases[r.phase].Count
		row.firstPhase, row.first = r.phase, s.Phases[r.phase].First
		return row, row.count > 0
	}
	for _, phase := range own(s) {
		p := s.Phases[phase]
		if row.firstPhase == "" || p.First.OffsetNs < row.first.OffsetNs {
			row.firstPhase, row.first = phase, p.First
		}
	}
	// What came before the workload's execve is not the workload's, and would lead
	// the ranking of a short command.
	row.count -= s.Phases[recording.PhaseSetup].Count
	return row, row.count > 0
}

// own returns the phases that made the call, sorted: without setup and
// handover, which are the runtime's, unless nobody else made it.
func own(s *recording.Syscall) []string {
	all := slices.Sorted(maps.Keys(s.Phases))
	mine := slices.DeleteFunc(slices.Clone(all), func(phase string) bool {
		return phase == recording.PhaseSetup || phase == recording.PhaseHandover
	})
	if len(mine) == 0 {
		return all
	}
	return mine
}

// note is what stands out, in words.
func (row *rankRow) note() string {
	return strings.Join(slices.DeleteFunc([]string{row.danger, row.only}, func(s string) bool { return s == "" }), ", ")
}

// only marks a call that one phase alone made. Steady alone is the normal case,
// and where one phase was reached, all calls are in that one.
func (r *ranking) only(s *recording.Syscall) string {
	phases := own(s)
	if len(phases) == 1 && phases[0] != recording.PhaseSteady && r.comparable(phases[0]) {
		return phases[0] + "-only"
	}
	return ""
}

// comparable: startup-only says something only if the workload got further.
func (r *ranking) comparable(phase string) bool {
	if phase != recording.PhaseStartup {
		return true
	}
	last := r.phases[len(r.phases)-1]
	return last != recording.PhaseStartup
}

// number gives every row its rank and shares.
func (r *ranking) number() {
	slices.SortStableFunc(r.rows, func(a, b rankRow) int { return cmp.Compare(b.count, a.count) })
	var sum uint64
	for i := range r.rows {
		row := &r.rows[i]
		sum += row.count
		row.rank = i + 1
		row.share = float64(row.count) / float64(r.total)
		row.cumulative = float64(sum) / float64(r.total)
	}
}

func (r *ranking) order(by string) {
	key := map[string]func(a, b rankRow) int{
		"total": func(a, b rankRow) int { return 0 },
		"name":  func(a, b rankRow) int { return cmp.Compare(callName(a.call), callName(b.call)) },
		"first": func(a, b rankRow) int { return cmp.Compare(a.first.OffsetNs, b.first.OffsetNs) },
		"nr": func(a, b rankRow) int {
			return cmp.Or(cmp.Compare(a.call.ABI, b.call.ABI), cmp.Compare(a.call.Nr, b.call.Nr))
		},
	}[by]
	slices.SortStableFunc(r.rows, func(a, b rankRow) int { return cmp.Or(key(a, b), cmp.Compare(a.rank, b.rank)) })
}

// callName is the name of a call, or its number if no table knows it.
func callName(s *recording.Syscall) string {
	if s.Name == "" {
		return fmt.Sprintf("#%d", s.Nr)
	}
	return s.Name
}
