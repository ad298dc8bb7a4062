package filter

import (
	"cmp"
	"math"
	"slices"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// section is the part of a filter for one AUDIT_ARCH value.
type section struct {
	arch uint32
	// calls are the numbers that meet something else than those around them, sorted by number.
	calls []call
	// rest says what all other numbers meet: from the begin of each span to that of the next.
	rest  []span
	total uint64
}

// call is one number, as the kernel has it: with bit 30 for x32.
type call struct {
	nr     uint32
	leaf   *node
	weight uint64
}

// span is the numbers from lo on, to the next span.
type span struct {
	lo     uint32
	leaf   *node
	weight uint64
}

// sections splits the ABIs by their AUDIT_ARCH values, in their order.
func sections(r *policy.Resolved, w weights) ([]*section, error) {
	l := &leaves{made: map[string]*node{}}
	var list []*section
	for _, abi := range r.ABIs {
		arch, err := AuditArch(abi)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(list, func(s *section) bool { return s.arch == arch })
		if at < 0 {
			list = append(list, &section{arch: arch})
			at = len(list) - 1
		}
		if err := list[at].addABI(r, abi, w, l); err != nil {
			return nil, err
		}
	}
	for _, s := range list {
		if err := s.close(r, l); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (s *section) addABI(r *policy.Resolved, abi syscalls.ABI, w weights, l *leaves) error {
	var base uint32
	if abi == syscalls.X32 {
		base = syscalls.X32Bit
	}
	if err := s.addRest(r, abi, base, l); err != nil {
		return err
	}
	for _, nr := range r.Numbers(abi) {
		leaf, err := l.of(r, abi, nr)
		if err != nil {
			return err
		}
		s.calls = append(s.calls, call{base | uint32(nr), leaf, w[Call{abi, nr}]})
	}
	for c, n := range w {
		if c.ABI == abi {
			s.total += n
		}
	}
	return nil
}

// addRest adds what unlisted numbers meet, below and above the highest that the profile names.
func (s *section) addRest(r *policy.Resolved, abi syscalls.ABI, base uint32, l *leaves) error {
	from := []int{0}
	if top, ok := r.Top(abi); ok {
		from = append(from, top+1)
	}
	for _, nr := range from {
		leaf, err := l.outcome(r.Unlisted(abi, nr))
		if err != nil {
			return err
		}
		s.rest = append(s.rest, span{lo: base | uint32(nr), leaf: leaf})
	}
	return nil
}

// close adds the numbers with bit 30 on x86_64 if the profile is not for x32. Number -1 is a tracer's way
// to skip a call and must not kill (libseccomp sees to that in the same way).
func (s *section) close(r *policy.Resolved, l *leaves) error {
	slices.SortFunc(s.calls, func(a, b call) int { return cmp.Compare(a.nr, b.nr) })
	slices.SortFunc(s.rest, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
	if x86_64, _ := syscalls.AuditArch(syscalls.X86_64); s.arch != x86_64 {
		return nil
	}
	bad, err := l.outcome(r.BadArch)
	if err != nil {
		return err
	}
	if !slices.Contains(r.ABIs, syscalls.X86_64) {
		s.rest = append([]span{{leaf: bad}}, s.rest...)
	}
	if !slices.Contains(r.ABIs, syscalls.X32) {
		other, err := l.outcome(r.Default)
		if err != nil {
			return err
		}
		s.rest = append(s.rest, span{lo: syscalls.X32Bit, leaf: bad}, span{lo: math.MaxUint32, leaf: other})
	}
	return nil
}

// spans are all numbers, in order: the rest, cut by the calls. Calls that are left out count to the span
// before them, since their verdict is known already.
func (s *section) spans(without map[uint32]bool) []span {
	all := slices.Clone(s.rest)
	for _, c := range s.calls {
		if without[c.nr] {
			continue
		}
		end := uint64(c.nr) + 1
		for end <= math.MaxUint32 && without[uint32(end)] {
			end++
		}
		if end <= math.MaxUint32 {
			all = append(all, span{uint32(end), s.restAt(uint32(end)), 0})
		}
	}
	for _, c := range s.calls {
		if !without[c.nr] {
			all = append(all, span{c.nr, c.leaf, c.weight})
		}
	}
	return merge(all)
}

// restAt is what the number would meet if no call had it.
func (s *section) restAt(nr uint32) *node {
	leaf := s.rest[0].leaf
	for _, r := range s.rest {
		if r.lo <= nr {
			leaf = r.leaf
		}
	}
	return leaf
}

// merge joins spans that begin at one number, where the last of the list is meant, and neighbors with one leaf.
func merge(all []span) []span {
	slices.SortStableFunc(all, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
	var out []span
	for i, s := range all {
		if i+1 < len(all) && all[i+1].lo == s.lo {
			continue
		}
		if n := len(out); n > 0 && out[n-1].leaf == s.leaf {
			out[n-1].weight += s.weight
			continue
		}
		out = append(out, s)
	}
	return out
}
