package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// MaxSize bounds a report's file, in bytes.
const MaxSize = 64 << 20

var format = recording.Format{
	Kind:    Kind,
	Noun:    "denial report",
	Next:    "give a file written by `scallop denials -o FILE`",
	Again:   "write it again",
	MaxSize: MaxSize,
}

// Decode reads one report. The input is not trusted: it is bounded, and a report that contradicts itself is
// refused. Errors are one line and end with the next step; they do not name the file, which only the caller knows.
func Decode(r io.Reader) (*Report, error) {
	var report Report
	if err := format.Decode(r, &report); err != nil {
		return nil, err
	}
	n := normalized(&report)
	if err := Validate(n); err != nil {
		return nil, fmt.Errorf("the denial report contradicts itself: %w; it was changed after it was written: write it again", err)
	}
	return n, nil
}

// Encode returns the bytes of a report's file: indented JSON, everything sorted, a newline at the end. Equal reports give
// equal bytes. It refuses what Decode would refuse.
func Encode(r *Report) ([]byte, error) {
	n := normalized(r)
	if err := Validate(n); err != nil {
		return nil, fmt.Errorf("encode denial report: %w; this is a bug in scallop, please report it", err)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(n); err != nil {
		return nil, fmt.Errorf("encode denial report: %w", err)
	}
	if b.Len() > MaxSize {
		return nil, fmt.Errorf("encode denial report: %d bytes are more than the %d that can be read back", b.Len(), MaxSize)
	}
	return b.Bytes(), nil
}

// normalized is a copy of r with one form for everything that JSON can say in two.
func normalized(r *Report) *Report {
	n := *r
	n.StartedAt, n.EndedAt = utc(r.StartedAt), utc(r.EndedAt)
	n.Losses = maps.Clone(r.Losses)
	if n.Losses == nil {
		n.Losses = map[string]uint64{}
	}
	n.Workloads = make([]Workload, 0, len(r.Workloads))
	for _, w := range r.Workloads {
		denials := make([]Denial, 0, len(w.Denials))
		for _, d := range w.Denials {
			d.First, d.Last = utc(d.First), utc(d.Last)
			denials = append(denials, d)
		}
		slices.SortFunc(denials, compareDenials)
		w.Denials = denials
		n.Workloads = append(n.Workloads, w)
	}
	slices.SortFunc(n.Workloads, func(a, b Workload) int { return compareKeys(keyOf(&a), keyOf(&b)) })
	n.Parts = slices.Clone(r.Parts)
	slices.Sort(n.Parts)
	return &n
}

func utc(t time.Time) time.Time { return t.UTC().Round(0) }

// workloadKey tells workloads apart.
type workloadKey struct{ kind, name, cgroup, id string }

func keyOf(w *Workload) workloadKey {
	k := workloadKey{kind: w.Kind, name: w.Name, cgroup: w.Cgroup}
	if w.Container != nil {
		k.id = w.Container.ID
	}
	return k
}

func compareKeys(a, b workloadKey) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name), cmp.Compare(a.cgroup, b.cgroup), cmp.Compare(a.id, b.id))
}

// denialKey tells a workload's denials apart.
type denialKey struct {
	source, phase, abi string
	nr                 int
	action             string
	returned           int64 // noReturn: absent
}

func (d *Denial) key() denialKey {
	k := denialKey{d.Source, d.Phase, d.ABI, d.Nr, d.Action, noReturn}
	if d.Return != nil {
		k.returned = *d.Return
	}
	return k
}

// noReturn stands for an absent value: filters return 0 or an errno, and supervisors hardly this.
const noReturn = -1 << 63

func compareDenials(a, b Denial) int {
	k, l := a.key(), b.key()
	return cmp.Or(
		a.First.Compare(b.First),
		cmp.Compare(k.abi, l.abi),
		cmp.Compare(k.nr, l.nr),
		cmp.Compare(k.action, l.action),
		cmp.Compare(k.phase, l.phase),
		cmp.Compare(k.returned, l.returned),
		cmp.Compare(k.source, l.source),
	)
}
