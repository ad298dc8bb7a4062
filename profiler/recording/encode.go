package recording

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Encode returns the bytes of a recording file: indented JSON, calls ranked,
// keys in a fixed order, a newline at the end. Equal recordings give equal
// bytes. r itself is not changed. It refuses what Decode would refuse: a file
// that nobody can read is worse than an error now.
func Encode(r *Recording) ([]byte, error) {
	n := normalized(r)
	if err := Validate(n); err != nil {
		return nil, fmt.Errorf("encode recording: %w; this is a bug in scallop, please report it", err)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(n); err != nil {
		return nil, fmt.Errorf("encode recording: %w", err)
	}
	if b.Len() > MaxSize {
		return nil, fmt.Errorf("encode recording: %d bytes are more than the %d that can be read back", b.Len(), MaxSize)
	}
	return b.Bytes(), nil
}

// Rank sorts calls by total, descending; ties by name, ABI and number.
func Rank(calls []Syscall) {
	slices.SortStableFunc(calls, func(a, b Syscall) int {
		return cmp.Or(
			cmp.Compare(b.Total, a.Total),
			cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.ABI, b.ABI),
			cmp.Compare(a.Nr, b.Nr),
		)
	})
}

// normalized is a copy of r with one form for everything that JSON can say in
// two: null or an empty list, a time in this or that zone, the order of calls.
func normalized(r *Recording) *Recording {
	n := *r
	n.StartedAt = r.StartedAt.UTC().Round(0)
	n.Host.Capabilities = orEmpty(r.Host.Capabilities)
	n.Phases = orEmpty(r.Phases)
	n.Syscalls = orEmpty(slices.Clone(r.Syscalls))
	n.Losses = maps.Clone(r.Losses)
	if n.Losses == nil {
		n.Losses = map[string]uint64{}
	}
	Rank(n.Syscalls)
	n.Parts = normalizedParts(r.Parts)
	return &n
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
