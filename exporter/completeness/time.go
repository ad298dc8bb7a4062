package completeness

import (
	"cmp"
	"slices"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// stretches are the times of some phases: the clock that stops when they do.
type stretches []recording.Phase

func (s *sampled) timeIn(phases []string) stretches {
	var list stretches
	for _, p := range s.rec.Phases {
		if slices.Contains(phases, p.Name) {
			list = append(list, p)
		}
	}
	return list
}

// until is the time spent in the stretches before an offset of the recording.
func (s stretches) until(offset int64) (sum int64) {
	for _, p := range s {
		sum += max(0, min(p.EndNs, offset)-p.StartNs)
	}
	return sum
}

func (s stretches) length() (sum int64) {
	for _, p := range s {
		sum += p.EndNs - p.StartNs
	}
	return sum
}

// lastNew finds the kind that appeared last; of several at once the first by name.
func lastNew(cells []cell, t stretches) *LastNew {
	first := firsts(cells)
	last := slices.MaxFunc(first, func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.First.OffsetNs, b.First.OffsetNs), cmp.Compare(b.name, a.name), cmp.Compare(b.key.abi, a.key.abi))
	})
	at := last.First.OffsetNs
	n := &LastNew{Name: last.name, AtNs: t.until(at), OfNs: t.length()}
	for i := range cells {
		switch c := &cells[i]; {
		case c.First.OffsetNs >= at:
			// not begun
		case c.LastSeenNs <= at:
			n.AtLeast += c.Count
			n.AtMost += c.Count
		default:
			n.AtLeast++
			n.AtMost += c.Count
		}
	}
	return n
}

// firsts returns for each kind the cell with its earliest call.
func firsts(cells []cell) []cell {
	byKey := map[callKey]cell{}
	for _, c := range cells {
		have, ok := byKey[c.key]
		if !ok || cmp.Or(cmp.Compare(c.First.OffsetNs, have.First.OffsetNs), cmp.Compare(c.phase, have.phase)) < 0 {
			byKey[c.key] = c
		}
	}
	var list []cell
	for _, c := range byKey {
		list = append(list, c)
	}
	return list
}

// halves takes the two halves of the time as two samples: all that one recording can tell of windows,
// since it holds the first and the last time of a call and none between.
func halves(cells []cell, t stretches, room float64) *Samples {
	length := t.length()
	if length == 0 {
		return nil
	}
	in := map[callKey][2]bool{}
	for i := range cells {
		c := &cells[i]
		h := in[c.key]
		early := 2*t.until(c.First.OffsetNs) < length
		late := 2*t.until(c.LastSeenNs) > length
		h[0] = h[0] || early
		// A single call is at one time; the look that found it may be later.
		h[1] = h[1] || !early || late && c.Count > 1
		in[c.key] = h
	}
	s := &Samples{Count: 2}
	for _, h := range in {
		if !h[0] {
			s.LastNew = 2
		}
		if h[0] && h[1] {
			s.add(2)
		} else {
			s.add(1)
		}
	}
	s.LastNew = max(1, s.LastNew)
	s.estimate(room)
	return s
}
