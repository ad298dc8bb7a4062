package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// Merge makes one report of many, in any order: denials of the same workload and kind are added up, and the earliest
// tells who. A report that is given twice counts once; one that is contained in another that is given, too, is an error, and
// so are two of one ID that differ.
// Denials that live watching and audit records have both stay apart by their source.
func Merge(reports ...*Report) (*Report, error) {
	reports, err := distinct(reports)
	if err != nil || len(reports) == 1 {
		return first(reports), err
	}
	m := &Report{APIVersion: APIVersion, Kind: Kind, Tool: reports[0].Tool, Host: reports[0].Host, Losses: map[string]uint64{}}
	var workloads []Workload
	for _, r := range reports {
		m.addHead(r)
		workloads = append(workloads, r.Workloads...)
	}
	if m.Workloads, err = Collect(workloads); err != nil {
		return nil, err
	}
	slices.Sort(m.Parts)
	slices.Sort(m.Incomplete)
	m.Incomplete = slices.Compact(m.Incomplete)
	m.Complete, m.ID = len(m.Incomplete) == 0, mergedID(m.Parts)
	return normalized(m), nil
}

func first(reports []*Report) *Report {
	if len(reports) == 0 {
		return nil
	}
	return normalized(reports[0])
}

// distinct sorts the reports by ID and drops those that occur twice.
func distinct(reports []*Report) ([]*Report, error) {
	if len(reports) == 0 {
		return nil, errors.New("no denial report to merge: give one or more")
	}
	reports = slices.Clone(reports)
	slices.SortStableFunc(reports, func(a, b *Report) int { return cmp.Compare(a.ID, b.ID) })
	reports, err := onceEach(reports)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, r := range reports {
		for _, id := range parts(r) {
			if seen[id] {
				return nil, fmt.Errorf("report %s is in two of the merged reports: its denials would count twice: leave one of them out", id)
			}
			seen[id] = true
		}
	}
	return reports, nil
}

// onceEach drops those of one ID but the first. They may be of several versions of scallop.
func onceEach(sorted []*Report) ([]*Report, error) {
	var kept []*Report
	for _, r := range sorted {
		if len(kept) == 0 || kept[len(kept)-1].ID != r.ID {
			kept = append(kept, r)
			continue
		}
		known, again := normalized(kept[len(kept)-1]), normalized(r)
		known.Tool, again.Tool = "", ""
		if !reflect.DeepEqual(known, again) {
			return nil, fmt.Errorf("two reports have the ID %s, but differ: one was changed after it was written: give the other one alone", r.ID)
		}
	}
	return kept, nil
}

func parts(r *Report) []string {
	if len(r.Parts) == 0 {
		return []string{r.ID}
	}
	return r.Parts
}

// mergedID depends on what was merged, and not on the order.
func mergedID(parts []string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:16])
}

// addHead adds what is said about the whole.
func (m *Report) addHead(r *Report) {
	if m.StartedAt.IsZero() || r.StartedAt.Before(m.StartedAt) && !r.StartedAt.IsZero() {
		m.StartedAt = r.StartedAt
	}
	if r.EndedAt.After(m.EndedAt) {
		m.EndedAt = r.EndedAt
	}
	m.Tool = common(m.Tool, r.Tool)
	m.Host.Kernel = common(m.Host.Kernel, r.Host.Kernel)
	m.Host.Architecture = common(m.Host.Architecture, r.Host.Architecture)
	for reason, n := range r.Losses {
		m.Losses[reason] = addUp(m.Losses[reason], n)
	}
	m.Incomplete = append(m.Incomplete, r.Incomplete...)
	m.Parts = append(m.Parts, parts(r)...)
}

// common is what both say, empty if they differ.
func common(a, b string) string {
	if a != b {
		return ""
	}
	return a
}

// addUp stays at the greatest number rather than beginning again.
func addUp(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

// Collect adds up those of the workloads that are the same: one that was there twice, say. What is returned shares nothing
// with the list.
func Collect(list []Workload) ([]Workload, error) {
	all := map[workloadKey]*Workload{}
	for _, w := range list {
		if err := addWorkload(all, w); err != nil {
			return nil, err
		}
	}
	collected := make([]Workload, 0, len(all))
	for _, w := range all {
		collected = append(collected, *w)
	}
	return collected, nil
}

func addWorkload(all map[workloadKey]*Workload, w Workload) error {
	known := all[keyOf(&w)]
	if known == nil {
		w.Denials = slices.Clone(w.Denials)
		all[keyOf(&w)] = &w
		return nil
	}
	rows := map[denialKey]int{}
	for i := range known.Denials {
		rows[known.Denials[i].key()] = i
	}
	for _, d := range w.Denials {
		i, ok := rows[d.key()]
		if !ok {
			known.Denials = append(known.Denials, d)
			continue
		}
		if known.Denials[i].Count > math.MaxUint64-d.Count {
			return fmt.Errorf("the counts of %s %s add up to more than 2^64-1: leave one of the reports out", d.ABI, d.Name)
		}
		known.Denials[i] = addDenial(known.Denials[i], d)
	}
	return nil
}

// addDenial adds one of the same key. Of two that happened at the same time, the one with the lesser thread tells who.
func addDenial(a, b Denial) Denial {
	if cmp.Or(b.First.Compare(a.First), cmp.Compare(b.Who.TID, a.Who.TID), cmp.Compare(b.Who.Comm, a.Who.Comm)) < 0 {
		a, b = b, a
	}
	a.Count += b.Count
	if b.Last.After(a.Last) {
		a.Last = b.Last
	}
	return a
}
