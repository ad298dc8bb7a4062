package recording

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Merge makes one recording of many. It is associative, commutative and idempotent by ID,
// to the byte: a recording that is given twice counts once, also when it is inside a merged one.
// That is so because a merged recording is a function of the set of its parts: each keeps its own
// counts, and everything that is not a sum (first evidence, stretches, gaps) is an earliest, a
// latest or a union. One recording alone is returned as it is.
//
// The recordings must be valid, as Decode returns them; they are not changed.
func Merge(recs []*Recording) (*Recording, error) {
	m := NewMerger()
	for _, r := range recs {
		if err := m.Add(r); err != nil {
			return nil, err
		}
	}
	return m.Recording()
}

// Merger merges recordings one at a time: of each it keeps the counts, some 10 bytes a call,
// and not the recording.
type Merger struct {
	parts     map[string]*Part
	only      *Recording // the one recording while there is one part
	calls     map[callKey]*mergedCall
	stretches map[Phase]bool // times are absolute
	gaps      map[Gap]bool   // times are absolute
}

type callKey struct {
	abi string
	nr  int
}

// NewMerger returns a merger of no recordings.
func NewMerger() *Merger {
	return &Merger{
		parts: map[string]*Part{}, calls: map[callKey]*mergedCall{},
		stretches: map[Phase]bool{}, gaps: map[Gap]bool{},
	}
}

// Add takes in one recording, merged or not. After an error the merger is of no use.
func (m *Merger) Add(r *Recording) error {
	if err := m.addParts(r); err != nil {
		return err
	}
	start, err := startOf(r)
	if err != nil {
		return err
	}
	// What a merged recording says of a part it says by its ID; a plain one is its own part.
	part := func(id string) string { return cmp.Or(id, r.ID) }
	for _, p := range r.Phases {
		p.StartNs, p.EndNs, p.Part = start+p.StartNs, start+p.EndNs, part(p.Part)
		m.stretches[p] = true
	}
	for _, g := range r.Gaps {
		m.gaps[Gap{start + g.StartNs, start + g.EndNs, part(g.Part)}] = true
	}
	for i := range r.Syscalls {
		if err := m.addCall(&r.Syscalls[i], start, part); err != nil {
			return err
		}
	}
	return nil
}

func (m *Merger) addParts(r *Recording) error {
	for _, p := range Parts(r) {
		have := m.parts[p.ID]
		if have == nil {
			m.parts[p.ID] = &p
			continue
		}
		if same, err := sameJSON(have, &p); err != nil || !same {
			return errors.Join(err, conflict(p.ID))
		}
	}
	switch {
	case len(m.parts) > 1:
		m.only = nil
	case m.only == nil:
		m.only = normalized(r)
	default:
		// The part is the same; what it does not hold must be, too.
		if same, err := sameJSON(m.only, normalized(r)); err != nil || !same {
			return errors.Join(err, conflict(r.ID))
		}
	}
	return nil
}

func conflict(id string) error {
	return fmt.Errorf("two recordings have the ID %s, but differ: one is a checkpoint of the other or was changed: give the one that was written last", id)
}

func sameJSON(a, b any) (bool, error) {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return bytes.Equal(x, y), errors.Join(errX, errY)
}

// startOf is the begin of r in nanoseconds since 1970, if no time in r can overflow from there.
func startOf(r *Recording) (int64, error) {
	if y := r.StartedAt.UTC().Year(); y < 1970 || y > 2261 {
		return 0, fmt.Errorf("recording %s began in the year %d: only those that began from 1970 to 2261 can be merged; check the clock of the host", r.ID, y)
	}
	start := r.StartedAt.UnixNano()
	if latest(r) > int64(^uint64(0)>>1)-start {
		return 0, fmt.Errorf("recording %s holds a time after the year 2262: it cannot be merged; record again", r.ID)
	}
	return start, nil
}

// latest is the largest offset in r.
func latest(r *Recording) int64 {
	end := r.DurationNs
	for _, p := range r.Phases {
		end = max(end, p.EndNs)
	}
	for _, g := range r.Gaps {
		end = max(end, g.EndNs)
	}
	for i := range r.Syscalls {
		for _, p := range r.Syscalls[i].Phases {
			end = max(end, p.First.OffsetNs, p.LastSeenNs)
		}
	}
	return end
}

// Recording returns the merge of what was added so far.
func (m *Merger) Recording() (*Recording, error) {
	switch {
	case len(m.parts) == 0:
		return nil, errors.New("no recording: give at least one")
	case m.only != nil:
		return normalized(m.only), nil
	}
	parts := m.sortedParts()
	start, end := reach(parts)
	r := &Recording{
		APIVersion: APIVersion, Kind: Kind, ID: mergedID(parts), Tool: joined(parts, func(p *Part) string { return p.Tool }),
		StartedAt: time.Unix(0, start).UTC(), DurationNs: end - start,
		Workload: mergedWorkload(parts), Host: mergedHost(parts),
		Phases: m.mergedPhases(start), Gaps: m.mergedGaps(start), Parts: parts,
	}
	r.Incomplete = mergedIncomplete(parts)
	r.Complete = len(r.Incomplete) == 0
	var err error
	if r.Losses, err = mergedLosses(parts); err != nil {
		return nil, err
	}
	if r.Syscalls, err = m.mergedCalls(parts, start); err != nil {
		return nil, err
	}
	r.Unreached = mergedUnreached(r)
	return r, checkSum(r)
}

func (m *Merger) sortedParts() []Part {
	var parts []Part
	for _, id := range sortedKeys(m.parts) {
		parts = append(parts, *m.parts[id])
	}
	return parts
}

// reach is when the first part began and the last one ended, in nanoseconds since 1970.
func reach(parts []Part) (start, end int64) {
	start = parts[0].StartedAt.UnixNano()
	for i := range parts {
		s := parts[i].StartedAt.UnixNano()
		start, end = min(start, s), max(end, s+parts[i].DurationNs)
	}
	return start, end
}

func (m *Merger) mergedPhases(start int64) []Phase {
	list := []Phase{}
	for p := range m.stretches {
		p.StartNs, p.EndNs = p.StartNs-start, p.EndNs-start
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b Phase) int {
		return cmp.Or(cmp.Compare(a.StartNs, b.StartNs), cmp.Compare(a.Part, b.Part), cmp.Compare(a.EndNs, b.EndNs),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.Trigger.Kind, b.Trigger.Kind), cmp.Compare(a.Trigger.Detail, b.Trigger.Detail))
	})
	return list
}

func (m *Merger) mergedGaps(start int64) []Gap {
	var list []Gap
	for g := range m.gaps {
		list = append(list, Gap{g.StartNs - start, g.EndNs - start, g.Part})
	}
	slices.SortFunc(list, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(a.StartNs, b.StartNs), cmp.Compare(a.EndNs, b.EndNs), cmp.Compare(a.Part, b.Part))
	})
	return list
}
