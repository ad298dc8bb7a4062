package portability

import (
	"maps"
	"slices"
)

// step is how the walk came to a call.
type step struct {
	from string
	edge edge
}

// walk reaches every call that the given ones lead to, by the shortest way: whether an ABI has
// the calls on it does not matter, since those of another one may lie behind.
type walk struct {
	graph graph
	level Level
	given map[string]bool
	steps map[string]step // by what was reached and not given
	// onlyFor is set for a call that was reached for single ABIs only.
	onlyFor map[string][]string
}

func newWalk(g graph, names []string, level Level) *walk {
	w := &walk{graph: g, level: level, given: map[string]bool{}, steps: map[string]step{}, onlyFor: map[string][]string{}}
	for _, name := range names {
		w.given[name] = true
	}
	frontier := slices.Sorted(maps.Keys(w.given))
	for len(frontier) > 0 {
		frontier = w.advance(frontier)
	}
	w.lift()
	return w
}

// advance takes all steps from the frontier, and returns what it reached first, sorted.
func (w *walk) advance(frontier []string) []string {
	var next []string
	for _, from := range frontier {
		for _, e := range w.edges(from) {
			if w.given[e.to] {
				continue
			}
			if _, ok := w.steps[e.to]; ok {
				continue
			}
			w.steps[e.to] = step{from, e}
			next = append(next, e.to)
		}
	}
	slices.Sort(next)
	return next
}

// edges are those from a call that the level allows and that add something.
func (w *walk) edges(from string) []edge {
	return slices.DeleteFunc(slices.Clone(w.graph[from]), func(e edge) bool {
		return e.relation == refused || e.relation == notNeeded || e.level == Arch && w.level != Arch
	})
}

// lift takes, for what was reached with a condition or for one ABI, a way without, if there is
// any: the shortest way may not be the widest.
func (w *walk) lift() {
	for _, from := range w.all() {
		for _, e := range w.edges(from) {
			s, ok := w.steps[e.to]
			if !ok {
				continue
			}
			if s.edge.condition != nil && e.condition == nil || s.edge.abi != "" && e.abi == "" {
				w.steps[e.to] = step{from, e}
			}
			if e.abi != "" {
				w.onlyFor[e.to] = append(w.onlyFor[e.to], e.abi)
			}
		}
	}
}

// all are the given and the reached, sorted.
func (w *walk) all() []string {
	list := slices.Concat(slices.Collect(maps.Keys(w.given)), slices.Collect(maps.Keys(w.steps)))
	slices.Sort(list)
	return list
}

func (w *walk) addedNames() []string { return slices.Sorted(maps.Keys(w.steps)) }

func (w *walk) added(name string, abis []string) *Added {
	s := w.steps[name]
	a := &Added{
		Name: name, From: s.from, Beside: s.edge.relation == beside, Condition: s.edge.condition,
		Why: s.edge.why, Source: s.edge.source, ABIs: having(abis, name, ""),
	}
	if s.edge.abi != "" {
		a.ABIs = slices.DeleteFunc(a.ABIs, func(abi string) bool { return !slices.Contains(w.onlyFor[name], abi) })
	}
	if a.Condition != nil {
		a.ABIs = slices.DeleteFunc(a.ABIs, func(abi string) bool { return a.Condition.Args(abi) == nil })
	}
	return a
}

// answered are the refused calls of what was given or reached, unless they were seen.
func (w *walk) answered(abis []string) []Answered {
	byName := map[string]Answered{}
	for _, from := range w.all() {
		for _, e := range w.graph[from] {
			_, known := byName[e.to]
			if e.relation != refused || known || w.given[e.to] {
				continue
			}
			if have := having(abis, e.to, ""); len(have) > 0 {
				byName[e.to] = Answered{Name: e.to, From: from, Why: e.why, ABIs: have}
			}
		}
	}
	var list []Answered
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		list = append(list, byName[name])
	}
	return list
}
