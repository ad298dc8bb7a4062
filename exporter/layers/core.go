package layers

import (
	"cmp"
	"math"
	"slices"

	"github.com/scallop-sec/scallop/exporter"
)

// Shared is one call and by how many workloads it is made.
type Shared struct {
	Name      string
	Workloads int
}

// Core is what a fleet has in common.
type Core struct {
	Workloads int
	// Needed is how many workloads must make a call for it to be in the core.
	Needed int
	// Calls are all observed calls, the most common first, ties by name.
	Calls []Shared
}

// CoreOf counts in how many of the profiles, one for each workload, every call was observed. What
// a runtime or every process needs is no evidence: profiles have it in any case.
func CoreOf(profiles []*exporter.Profile, minShare float64) *Core {
	c := &Core{Workloads: len(profiles), Needed: needed(len(profiles), minShare)}
	count := map[string]int{}
	for _, p := range profiles {
		for i := range p.Entries {
			if p.Entries[i].Has(exporter.Observed) {
				count[p.Entries[i].Name]++
			}
		}
	}
	for name, n := range count {
		c.Calls = append(c.Calls, Shared{name, n})
	}
	slices.SortFunc(c.Calls, func(a, b Shared) int {
		return cmp.Or(cmp.Compare(b.Workloads, a.Workloads), cmp.Compare(a.Name, b.Name))
	})
	return c
}

// needed is the share of n, rounded up: 0.8 of 4 are 4. One at least.
func needed(n int, share float64) int {
	// 0.8 times 5 may be a hair above 4.
	return max(1, int(math.Ceil(share*float64(n)-1e-9)))
}

// Has tells whether the call is in the core.
func (c *Core) Has(name string) bool {
	return slices.ContainsFunc(c.Calls, func(s Shared) bool { return s.Name == name && s.Workloads >= c.Needed })
}

// Size counts the calls in the core.
func (c *Core) Size() int {
	n := 0
	for _, s := range c.Calls {
		if s.Workloads >= c.Needed {
			n++
		}
	}
	return n
}

// Profile cuts the profile of the whole fleet to the core. What was observed in fewer workloads
// goes, unless the runtime or every process needs it.
func (c *Core) Profile(fleet *exporter.Profile) *exporter.Profile {
	out := *fleet
	out.Entries = nil
	for _, e := range fleet.Entries {
		if e.Has(exporter.Observed) && !c.Has(e.Name) {
			if e.Reasons = withoutObserved(e.Reasons); len(e.Reasons) == 0 {
				continue
			}
			e.Count, e.Phases = 0, nil
		}
		out.Entries = append(out.Entries, e)
	}
	// Ranked by count, and some counts are gone.
	slices.SortStableFunc(out.Entries, func(a, b exporter.Entry) int { return cmp.Compare(b.Count, a.Count) })
	return &out
}

func withoutObserved(reasons []exporter.Evidence) []exporter.Evidence {
	return slices.DeleteFunc(slices.Clone(reasons), func(e exporter.Evidence) bool { return e.Reason == exporter.Observed })
}
