package filter

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/scallop-sec/scallop/exporter/policy"
)

// Options of Compile.
type Options struct {
	Order  Order  // Tree if empty
	Counts Counts // for Frequency and Weighted, which need some
}

// Compile makes a program that gives each call the verdict that r has for it. It looks at the architecture first, so
// that no number is mistaken for that of another ABI.
func Compile(r *policy.Resolved, o Options) (Program, error) {
	if o.Order == "" {
		o.Order = Tree
	}
	if _, err := ParseOrder(string(o.Order)); err != nil {
		return nil, err
	}
	w := o.Counts.weights()
	if len(w) == 0 && (o.Order == Frequency || o.Order == Weighted) {
		return nil, fmt.Errorf("the order %s needs counts of calls: give a recording, or use %s", o.Order, Tree)
	}
	if o.Order == Weighted {
		return shortest(r, o.Counts, w)
	}
	return compile(r, w, finders[o.Order])
}

// finder makes the search for a number.
type finder func(*section) *node

var finders = map[Order]finder{
	Linear:    func(s *section) *node { return chain(s.calls, balanced(s.spans(s.every()))) },
	Frequency: func(s *section) *node { return chain(s.hottest(len(s.calls)), balanced(s.spans(s.every()))) },
	Tree:      func(s *section) *node { return grouped(s.calls, balanced(s.spans(s.every()))) },
}

// every call is found before the spans are looked at.
func (s *section) every() map[uint32]bool { return numbers(s.calls) }

func numbers(calls []call) map[uint32]bool {
	set := map[uint32]bool{}
	for _, c := range calls {
		set[c.nr] = true
	}
	return set
}

// hottest n calls, ties by number.
func (s *section) hottest(n int) []call {
	calls := slices.Clone(s.calls)
	slices.SortStableFunc(calls, func(a, b call) int { return cmp.Compare(b.weight, a.weight) })
	return calls[:min(n, len(calls))]
}

// compile puts the sections behind the comparison of the architecture.
func compile(r *policy.Resolved, w weights, find finder) (Program, error) {
	list, err := sections(r, w)
	if err != nil {
		return nil, err
	}
	bad, err := Return(r.BadArch)
	if err != nil {
		return nil, err
	}
	n := ret(bad)
	for i := len(list) - 1; i >= 0; i-- {
		found := load(offNr, find(list[i]))
		found.heat = list[i].total + uint64(len(list)-i) // the native one, if nothing was counted
		next := jump(opJEQ, list[i].arch, found, n)
		next.heat = found.heat + n.heat
		n = next
	}
	return assemble(load(offArch, n))
}

// chain compares one number after the other.
func chain(calls []call, otherwise *node) *node {
	n := otherwise
	for i := len(calls) - 1; i >= 0; i-- {
		n = jump(opJEQ, calls[i].nr, calls[i].leaf, n)
		n.heat = 1 // more than that of a return, which can be copied
	}
	return n
}

// groupSize is libseccomp's: it compares four numbers where a branch of its tree ends.
const groupSize = 4

// grouped halves the list until a group is left.
func grouped(calls []call, otherwise *node) *node {
	if len(calls) <= groupSize {
		return chain(calls, otherwise)
	}
	groups := (len(calls) + groupSize - 1) / groupSize
	middle := (groups + 1) / 2 * groupSize
	return jump(opJGE, calls[middle].nr, grouped(calls[middle:], otherwise), grouped(calls[:middle], otherwise))
}

// balanced halves the spans until one is left.
func balanced(spans []span) *node {
	if len(spans) == 1 {
		return spans[0].leaf
	}
	middle := len(spans) / 2
	return jump(opJGE, spans[middle].lo, balanced(spans[middle:]), balanced(spans[:middle]))
}

// maxHot bounds how many numbers are tried before the tree. With more than these in front, every other call is slower
// than in the tree alone.
const maxHot = 24

// shortest tries each number of calls before the tree, and the other orders.
func shortest(r *policy.Resolved, counts Counts, w weights) (Program, error) {
	tries := []finder{finders[Tree], finders[Frequency], finders[Linear]}
	for hot := range maxHot + 1 {
		tries = append(tries, func(s *section) *node {
			first := s.hottest(hot)
			return chain(first, optimal(s.spans(numbers(first))))
		})
	}
	var best Program
	var lowest Cost
	var errs error
	for _, find := range tries {
		p, err := compile(r, w, find)
		if err != nil {
			errs = err
			continue
		}
		c, err := p.Cost(counts)
		if err != nil {
			return nil, err
		}
		if best == nil || c.less(lowest, len(p), len(best)) {
			best, lowest = p, c
		}
	}
	if best == nil {
		return nil, errors.Join(errs)
	}
	return best, nil
}
