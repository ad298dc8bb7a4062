package gate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/severity"
)

// Side is one of the two that a diff compares: a profile, or recordings.
type Side struct {
	Source string
	// Filter is the profile; of recordings, the one that they become.
	Filter *Filter
	// Evidence is set for recordings.
	Evidence *Evidence
}

// ChangeKind is what happened to a call from A to B.
type ChangeKind string

// The kinds.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
)

// Subject is what a change is about.
type Subject string

// The subjects.
const (
	OfCall         Subject = "call"
	OfArchitecture Subject = "architecture"
	OfDefault      Subject = "default action"
)

// Change is one difference.
type Change struct {
	Kind    ChangeKind
	Subject Subject
	Name    string
	// ABI is set where two recordings are compared, which count each ABI apart.
	ABI string
	// Before and After are what happens to a call, or the phases it was seen in; "" is nothing.
	Before, After string
	// Evidence says where it is from, a line each. It may hold words of a workload.
	Evidence []string
	Danger   *severity.Entry
}

// Diff is all that two sides differ in.
type Diff struct {
	A, B    string
	Changes []Change // default actions, architectures, then calls: added, removed, changed, by name
}

// Count is the number of changes of a kind among calls.
func (d *Diff) Count(kind ChangeKind) (n int) {
	for i := range d.Changes {
		if c := &d.Changes[i]; c.Kind == kind && c.Subject == OfCall {
			n++
		}
	}
	return n
}

// Compare finds what is different in b. Two recordings are compared by which calls were made in which phase: their
// counts differ between any two runs. Everything else is compared by what a filter does.
func Compare(a, b Side) *Diff {
	d := &Diff{A: a.Source, B: b.Source}
	if a.Evidence != nil && b.Evidence != nil {
		d.Changes = compareSeen(a.Evidence, b.Evidence)
	} else {
		d.Changes = slices.Concat(compareDefaults(a.Filter, b.Filter), compareABIs(a.Filter, b.Filter), compareRules(a, b))
	}
	order := []ChangeKind{Added, Removed, Changed}
	slices.SortStableFunc(d.Changes, func(x, y Change) int {
		return cmp.Or(
			cmp.Compare(subjectRank(x.Subject), subjectRank(y.Subject)),
			cmp.Compare(slices.Index(order, x.Kind), slices.Index(order, y.Kind)),
			cmp.Compare(x.Name, y.Name), cmp.Compare(x.ABI, y.ABI),
		)
	})
	return d
}

func subjectRank(s Subject) int { return slices.Index([]Subject{OfDefault, OfArchitecture, OfCall}, s) }

func compareDefaults(a, b *Filter) []Change {
	if a.Default == b.Default || a.Default == "" || b.Default == "" {
		return nil
	}
	return []Change{{Kind: Changed, Subject: OfDefault, Name: string(OfDefault), Before: a.Default, After: b.Default}}
}

func compareABIs(a, b *Filter) []Change {
	if len(a.ABIs) == 0 || len(b.ABIs) == 0 {
		return nil
	}
	var list []Change
	for _, abi := range union(a.ABIs, b.ABIs) {
		in, out := slices.Contains(a.ABIs, abi), slices.Contains(b.ABIs, abi)
		switch {
		case in && !out:
			list = append(list, Change{Kind: Removed, Subject: OfArchitecture, Name: abi, Before: "filtered"})
		case out && !in:
			list = append(list, Change{Kind: Added, Subject: OfArchitecture, Name: abi, After: "filtered"})
		}
	}
	return list
}

func compareRules(a, b Side) []Change {
	// A recording does not say what happens to other calls: then all that is denied is the same.
	loose := a.Filter.Default == "" || b.Filter.Default == ""
	var list []Change
	for _, name := range union(slices.Collect(maps.Keys(a.Filter.Rules)), slices.Collect(maps.Keys(b.Filter.Rules))) {
		before, after := a.Filter.treatment(name, loose), b.Filter.treatment(name, loose)
		if before == after {
			continue
		}
		danger := severity.Of(name)
		c := Change{Kind: kindOf(before, after), Subject: OfCall, Name: name, Before: before, After: after, Danger: &danger}
		c.Evidence = append(labelled(c.Kind, "A", a.why(name)), labelled(c.Kind, "B", b.why(name))...)
		list = append(list, c)
	}
	return list
}

func kindOf(before, after string) ChangeKind {
	switch {
	case before == "":
		return Added
	case after == "":
		return Removed
	}
	return Changed
}

// labelled says from which side a line is, where both have one.
func labelled(kind ChangeKind, label string, lines []string) []string {
	if kind != Changed {
		return lines
	}
	var list []string
	for _, line := range lines {
		list = append(list, label+": "+line)
	}
	return list
}

// treatment is what the filter does with the named call, in one form; "" if no rule makes a difference.
func (f *Filter) treatment(name string, loose bool) string {
	var parts []string
	for _, r := range f.Rules[name] {
		if r.Action == f.Default || loose && !letsPass(r.Action) {
			continue
		}
		parts = append(parts, strings.TrimSuffix(r.Action+" "+r.When, " "))
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), "; ")
}

// why are the reasons for a name, a line each.
func (s *Side) why(name string) []string {
	var lines []string
	for _, r := range s.Filter.Rules[name] {
		lines = append(lines, r.why(func(reason exporter.Reason) bool { return s.Evidence == nil || reason != exporter.Observed })...)
	}
	if s.Evidence != nil {
		for _, c := range s.Evidence.byName(name) {
			lines = append(lines, fmt.Sprintf("observed: %s: %s", c.ABI, c.Evidence()))
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// why are the reasons of a rule that want takes. A file has its words for a group of calls.
func (r *Rule) why(want func(exporter.Reason) bool) []string {
	if r.Comment != "" {
		return []string{"the profile's comment: " + r.Comment}
	}
	var lines []string
	for _, ev := range r.Reasons {
		if want(ev.Reason) {
			lines = append(lines, string(ev.Reason)+": "+ev.Text)
		}
	}
	return lines
}

// byName are the calls of a name, one for each ABI, without what the runtime did before any filter.
func (e *Evidence) byName(name string) []Call {
	var list []Call
	for _, c := range e.Calls() {
		if c.Name != name {
			continue
		}
		if part, ok := c.In(notSetup); ok {
			list = append(list, part)
		}
	}
	return list
}

func union(a, b []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}
