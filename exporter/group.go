package exporter

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/exporter/portability"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Group is a part of the profile that a person reviews as one: the calls that
// are in for the same reason. Every name is in one group only.
type Group struct {
	Title   string
	Entries []Entry // ranked
	// Condition limits all entries to some arguments; nil for most groups.
	Condition *portability.Condition
}

// groupKey decides where an entry belongs and in which order groups come.
type groupKey struct {
	order int
	title string
}

// Groups splits the entries: observed in steady first, then by the other phases that they were
// seen in, then what only the runtime or the base needs. Calls that no native ABI made stand apart.
func Groups(p *Profile) []Group {
	byKey := map[groupKey]*Group{}
	var keys []groupKey
	for _, e := range p.Entries {
		k := keyOf(p, &e)
		if byKey[k] == nil {
			byKey[k] = &Group{Title: k.title, Condition: e.Condition}
			keys = append(keys, k)
		}
		byKey[k].Entries = append(byKey[k].Entries, e)
	}
	slices.SortFunc(keys, func(a, b groupKey) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.title, b.title))
	})
	var groups []Group
	for _, k := range keys {
		groups = append(groups, *byKey[k])
	}
	return groups
}

func keyOf(p *Profile, e *Entry) groupKey {
	var k groupKey
	switch {
	case e.Has(Observed):
		k = observedKey(e)
	case len(e.Phases) > 0:
		k = groupKey{60, "handover: recorded between the filter and the workload's execve"}
	case e.Has(Handover):
		k = groupKey{70, "handover: " + p.runtimeMakes() + " loaded the filter" + settingSuffix(p.NoNewPrivs) + "; not observed"}
	case e.Has(Base):
		k = groupKey{80, "base: every process or container start needs these; not observed"}
	case e.Condition != nil:
		k = groupKey{76, fmt.Sprintf("portability: %s, %s; not observed", e.Name, e.Condition.Text)}
	default:
		k = groupKey{74, "portability: " + p.elsewhere() + " use these instead; not observed"}
	}
	return foreignKey(p, e, k)
}

// runtimeMakes begins a sentence about the calls of the handover.
func (p *Profile) runtimeMakes() string {
	if len(p.Runtimes) == 1 {
		return p.Runtimes[0] + " makes these after it has"
	}
	return Enumerate(p.Runtimes) + " make these after they have"
}

// elsewhere names those who make other calls for the same jobs.
func (p *Profile) elsewhere() string {
	if len(p.Carried) > 0 {
		return "other C libraries, versions and architectures"
	}
	return "other C libraries and versions"
}

// observedKey names the phases that a call was seen in, unless it is in steady,
// where it is needed for good.
func observedKey(e *Entry) groupKey {
	var own []string
	for _, pc := range e.Phases {
		if pc.Phase != recording.PhaseHandover {
			own = append(own, pc.Phase)
		}
	}
	if slices.Contains(own, recording.PhaseSteady) {
		return groupKey{10, "observed in steady"}
	}
	if len(own) > 1 {
		return groupKey{20, fmt.Sprintf("observed in %s, not in steady", Enumerate(own))}
	}
	order := 40 // marked by a user
	switch own[0] {
	case recording.PhaseStartup:
		order = 30
	case recording.PhaseShutdown:
		order = 50
	}
	return groupKey{order, fmt.Sprintf("observed in %s only", own[0])}
}

// Enumerate joins words for a sentence: "a", "a and b", "a, b and c".
func Enumerate(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// foreignKey sets apart what only a sub-architecture needs: seccomp allows it for all.
func foreignKey(p *Profile, e *Entry, k groupKey) groupKey {
	for _, abi := range e.ABIs {
		if slices.Contains(natives(p.Archs), abi) {
			return k
		}
	}
	k.order++
	k.title += " (" + Enumerate(e.ABIs) + " only, allowed for every architecture that has the name)"
	return k
}

// names are the entries' names, in their order.
func (g *Group) names() []string {
	var list []string
	for i := range g.Entries {
		list = append(list, g.Entries[i].Name)
	}
	return list
}

// comment is the title and how much evidence is behind it.
func (g *Group) comment() string {
	var calls uint64
	for i := range g.Entries {
		calls = addCapped(calls, g.Entries[i].Count)
	}
	if calls == 0 {
		return g.Title
	}
	return fmt.Sprintf("%s; %d recorded", g.Title, calls)
}
