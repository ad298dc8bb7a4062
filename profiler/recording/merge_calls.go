package recording

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
)

// mergedCall is what is known of one call beside its counts, which the parts hold.
type mergedCall struct {
	name   string
	phases map[string]*mergedEvidence
}

// mergedEvidence has absolute times.
type mergedEvidence struct {
	first    FirstCall
	lastSeen int64
}

func (m *Merger) addCall(s *Syscall, start int64, part func(string) string) error {
	key := callKey{s.ABI, s.Nr}
	c := m.calls[key]
	if c == nil {
		c = &mergedCall{name: s.Name, phases: map[string]*mergedEvidence{}}
		m.calls[key] = c
	}
	if s.Name != "" && c.name != "" && s.Name != c.name {
		return fmt.Errorf("call number %d of ABI %s is %s in one recording and %s in another: one was changed; record again",
			s.Nr, s.ABI, min(s.Name, c.name), max(s.Name, c.name))
	}
	c.name = cmp.Or(c.name, s.Name)
	for phase, p := range s.Phases {
		first := p.First
		first.OffsetNs, first.Part = start+first.OffsetNs, part(first.Part)
		c.add(phase, first, start+p.LastSeenNs)
	}
	return nil
}

func (c *mergedCall) add(phase string, first FirstCall, lastSeen int64) {
	e := c.phases[phase]
	if e == nil {
		c.phases[phase] = &mergedEvidence{first, lastSeen}
		return
	}
	if compareFirst(first, e.first) < 0 {
		e.first = first
	}
	e.lastSeen = max(e.lastSeen, lastSeen)
}

// compareFirst is the documented order: by the wall clock, then by the ID of the part. The rest is
// for files that were changed, of which a part has two first calls.
func compareFirst(a, b FirstCall) int {
	return cmp.Or(cmp.Compare(a.OffsetNs, b.OffsetNs), cmp.Compare(a.Part, b.Part), cmp.Compare(a.Comm, b.Comm),
		cmp.Compare(a.Exe, b.Exe), cmp.Compare(a.PID, b.PID), cmp.Compare(a.TID, b.TID))
}

// mergedCalls puts the sums of the parts to the evidence.
func (m *Merger) mergedCalls(parts []Part, start int64) ([]Syscall, error) {
	sums, err := sumCalls(parts)
	if err != nil {
		return nil, err
	}
	calls := make([]Syscall, 0, len(m.calls))
	for key, c := range m.calls {
		s := Syscall{ABI: key.abi, Nr: key.nr, Name: c.name, Phases: map[string]PhaseCount{}}
		for phase, e := range c.phases {
			n := sums[phaseKey{key, phase}]
			first := e.first
			first.OffsetNs -= start
			s.Phases[phase] = PhaseCount{Count: n, First: first, LastSeenNs: e.lastSeen - start}
			var carry uint64
			if s.Total, carry = bits.Add64(s.Total, n, 0); carry != 0 {
				return nil, errTooMany()
			}
		}
		calls = append(calls, s)
	}
	Rank(calls)
	return calls, nil
}

type phaseKey struct {
	callKey
	phase string
}

// sumCalls adds up the counts of all parts.
func sumCalls(parts []Part) (map[phaseKey]uint64, error) {
	sums := map[phaseKey]uint64{}
	for i := range parts {
		for phase, abis := range parts[i].Calls {
			for abi, counts := range abis {
				for nr, n := range counts.All() {
					key := phaseKey{callKey{abi, nr}, phase}
					sum, carry := bits.Add64(sums[key], n, 0)
					if carry != 0 {
						return nil, errTooMany()
					}
					sums[key] = sum
				}
			}
		}
	}
	return sums, nil
}

// checkSum: a file cannot hold more calls than fit in 64 bits. An error, since a count that
// stops growing is no longer exact, and a recording promises that it is.
func checkSum(r *Recording) error {
	var sum, carry uint64
	for i := range r.Syscalls {
		if sum, carry = bits.Add64(sum, r.Syscalls[i].Total, 0); carry != 0 {
			return errTooMany()
		}
	}
	return nil
}

func errTooMany() error {
	return errors.New("the recordings hold more than 2^64-1 calls or losses together: merge fewer of them")
}
