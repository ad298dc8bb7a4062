package gate

import (
	"maps"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/exporter/severity"
	"github.com/scallop-sec/scallop/profiler/recording"
)

func notSetup(phase string) bool { return phase != recording.PhaseSetup }

// compareSeen compares what two recordings saw: which call in which phases.
func compareSeen(a, b *Evidence) []Change {
	before, after := a.seen(), b.seen()
	keys := maps.Clone(before)
	maps.Copy(keys, after)
	var list []Change
	for key := range keys {
		x, inA := before[key]
		y, inB := after[key]
		was, is := x.phases(), y.phases()
		if was == is {
			continue
		}
		c := Change{Kind: kindOf(was, is), Subject: OfCall, Name: title(key.name, key.nr), ABI: key.abi, Before: was, After: is}
		if key.name != "" {
			danger := severity.Of(key.name)
			c.Danger = &danger
		}
		if inA {
			c.Evidence = append(c.Evidence, labelled(c.Kind, "A", []string{x.Evidence()})...)
		}
		if inB {
			c.Evidence = append(c.Evidence, labelled(c.Kind, "B", []string{y.Evidence()})...)
		}
		list = append(list, c)
	}
	return list
}

type seenKey struct {
	abi, name string
	nr        int
}

// seen are the calls of the workload, and of its runtime under the filter.
func (e *Evidence) seen() map[seenKey]Call {
	calls := map[seenKey]Call{}
	for _, c := range e.Calls() {
		if part, ok := c.In(notSetup); ok {
			calls[seenKey{c.ABI, c.Name, c.Nr}] = part
		}
	}
	return calls
}

// phases are those of the call, e.g. "startup, steady".
func (c *Call) phases() string {
	var names []string
	for _, p := range c.Phases {
		names = append(names, p.Phase)
	}
	return strings.Join(slices.Compact(names), ", ")
}
