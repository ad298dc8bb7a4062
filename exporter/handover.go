package exporter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/exporter/baselines"
)

// handoverCall is one call that a runtime makes in the container's process after it has
// loaded the filter and before the workload's execve, and how that is known.
type handoverCall struct {
	name string
	text string
}

// handoverCalls are those of all versions of the families, since runtimes are upgraded while
// profiles stay: measured ones, then what is known from their source alone. They are sorted by name.
func handoverCalls(shipped []*baselines.Baseline, families []string, noNewPrivs string) []handoverCall {
	texts := map[string][]string{}
	for _, family := range families {
		for name, text := range familyCalls(versionsOf(shipped, family), family, noNewPrivs) {
			texts[name] = append(texts[name], text)
		}
	}
	var calls []handoverCall
	for name, list := range texts {
		calls = append(calls, handoverCall{name, strings.Join(list, "; ")})
	}
	slices.SortFunc(calls, func(a, b handoverCall) int { return strings.Compare(a.name, b.name) })
	return calls
}

// HandoverOf says how it is known that a runtime makes the named call after it has loaded the filter: any version of any
// family, with any setting. It is empty if none is known to.
func HandoverOf(name string) (string, error) {
	shipped, err := baselines.Shipped()
	if err != nil {
		return "", fmt.Errorf("%w; this is a bug in scallop, please report it", err)
	}
	for _, c := range handoverCalls(shipped, families(), NoNewPrivsAny) {
		if c.name == name {
			return c.text, nil
		}
	}
	return "", nil
}

func versionsOf(shipped []*baselines.Baseline, family string) []*baselines.Baseline {
	var list []*baselines.Baseline
	for _, b := range shipped {
		if b.Runtime == family {
			list = append(list, b)
		}
	}
	return list
}

// familyCalls are the calls of one family by name, with the text for each.
func familyCalls(versions []*baselines.Baseline, family, noNewPrivs string) map[string]string {
	texts := map[string]string{}
	for name, m := range measured(versions, noNewPrivs) {
		if dispensable[name] == "" {
			texts[name] = m.text(versions, family, noNewPrivs)
		}
	}
	for _, c := range sourceCalls[family] {
		// With no_new_privs the change of user and of capabilities comes before the filter.
		if texts[c.name] == "" && (noNewPrivs != NoNewPrivsYes || !c.unsetOnly) {
			texts[c.name] = c.text()
		}
	}
	return texts
}

// measuredCall sums up one call over the baselines of a family.
type measuredCall struct {
	versions      []int // that made it: indexes, ascending
	starts, total int   // total counts the starts of those versions only
}

func measured(versions []*baselines.Baseline, noNewPrivs string) map[string]*measuredCall {
	calls := map[string]*measuredCall{}
	for i, b := range versions {
		total := 0
		starts := map[string]int{}
		for j := range b.Settings {
			s := &b.Settings[j]
			if !settingWanted(s, noNewPrivs) {
				continue
			}
			total += s.Total()
			for _, c := range s.Calls {
				starts[c.Name] += c.Starts
			}
		}
		for name, n := range starts {
			if calls[name] == nil {
				calls[name] = &measuredCall{}
			}
			m := calls[name]
			m.versions, m.starts, m.total = append(m.versions, i), m.starts+n, m.total+total
		}
	}
	return calls
}

func settingWanted(s *baselines.Setting, noNewPrivs string) bool {
	return noNewPrivs == NoNewPrivsAny || s.NoNewPrivs == (noNewPrivs == NoNewPrivsYes)
}

// text is e.g. "runc 1.1.5, 1.3.6: measured, 54 of 72 starts".
func (m *measuredCall) text(versions []*baselines.Baseline, family, noNewPrivs string) string {
	return fmt.Sprintf("%s %s: measured, %d of %d starts%s", family, m.versionList(versions), m.starts, m.total, settingSuffix(noNewPrivs))
}

// versionList shortens three and more that follow each other to "1.2.8 to 1.5.2".
func (m *measuredCall) versionList(versions []*baselines.Baseline) string {
	first, last := m.versions[0], m.versions[len(m.versions)-1]
	if n := len(m.versions); n > 2 && last-first == n-1 {
		return versions[first].Version + " to " + versions[last].Version
	}
	var names []string
	for _, i := range m.versions {
		names = append(names, versions[i].Version)
	}
	return strings.Join(names, ", ")
}

// settingSuffix says in a text to which setting the profile is tied.
func settingSuffix(noNewPrivs string) string {
	switch noNewPrivs {
	case NoNewPrivsYes:
		return " with no_new_privs"
	case NoNewPrivsNo:
		return " without no_new_privs"
	}
	return ""
}
