package recording

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Part is one recording inside a merged one: who and where, how it ended, and its own counts.
// With these a recording that is merged twice can be counted once, and one can see what each run added.
type Part struct {
	ID         string            `json:"id"`
	Tool       string            `json:"tool"`
	Complete   bool              `json:"complete"`
	Incomplete []string          `json:"incomplete,omitempty"`
	StartedAt  time.Time         `json:"startedAt"`
	DurationNs int64             `json:"durationNs"`
	Workload   Workload          `json:"workload"`
	Host       Host              `json:"host"`
	Unreached  []string          `json:"unreached,omitempty"`
	Losses     map[string]uint64 `json:"losses"`
	// Calls maps the name of a phase, and then an ABI, to the calls made there.
	Calls map[string]map[string]Counts `json:"calls"`
}

// Counts are calls of one ABI in one phase: "NR:COUNT NR:COUNT", numbers ascending. A line
// of text instead of a list, since a merged recording has thousands.
type Counts string

// All returns the numbers and counts, ascending. It stops where the text is broken, which
// Validate refuses.
func (c Counts) All() iter.Seq2[int, uint64] {
	return func(yield func(int, uint64) bool) {
		for rest := string(c); rest != ""; {
			var word string
			word, rest, _ = strings.Cut(rest, " ")
			nr, n, ok := parseCount(word)
			if !ok || !yield(nr, n) {
				return
			}
		}
	}
}

func parseCount(word string) (nr int, n uint64, ok bool) {
	left, right, ok := strings.Cut(word, ":")
	number, err1 := strconv.ParseUint(left, 10, 30)
	n, err2 := strconv.ParseUint(right, 10, 64)
	return int(number), n, ok && err1 == nil && err2 == nil
}

// check wants the one way to write the counts.
func (c Counts) check() error {
	var again strings.Builder
	last := -1
	for nr, n := range c.All() {
		if nr <= last || n == 0 {
			return fmt.Errorf("number %d is not above the one before it, or has no call", nr)
		}
		if last >= 0 {
			again.WriteByte(' ')
		}
		last = nr
		fmt.Fprintf(&again, "%d:%d", nr, n)
	}
	if again.String() != string(c) || c == "" {
		return fmt.Errorf("%s is not of the form NR:COUNT NR:COUNT", quote(string(c)))
	}
	return nil
}

// Parts returns the recordings that r was made of: itself, if it is not a merged one.
func Parts(r *Recording) []Part {
	if len(r.Parts) > 0 {
		return normalizedParts(r.Parts)
	}
	n := normalized(r)
	return []Part{{
		ID: n.ID, Tool: n.Tool, Complete: n.Complete, Incomplete: n.Incomplete, StartedAt: n.StartedAt, DurationNs: n.DurationNs,
		Workload: n.Workload, Host: n.Host, Unreached: n.Unreached, Losses: n.Losses, Calls: countsOf(n.Syscalls),
	}}
}

func countsOf(calls []Syscall) map[string]map[string]Counts {
	sorted := slices.Clone(calls)
	slices.SortFunc(sorted, func(a, b Syscall) int { return cmp.Compare(a.Nr, b.Nr) })
	texts := map[string]map[string][]byte{}
	for i := range sorted {
		s := &sorted[i]
		for phase, p := range s.Phases {
			if texts[phase] == nil {
				texts[phase] = map[string][]byte{}
			}
			texts[phase][s.ABI] = appendCount(texts[phase][s.ABI], s.Nr, p.Count)
		}
	}
	counts := map[string]map[string]Counts{}
	for phase, abis := range texts {
		counts[phase] = map[string]Counts{}
		for abi, text := range abis {
			counts[phase][abi] = Counts(text)
		}
	}
	return counts
}

func appendCount(b []byte, nr int, n uint64) []byte {
	if len(b) > 0 {
		b = append(b, ' ')
	}
	b = strconv.AppendInt(b, int64(nr), 10)
	b = append(b, ':')
	return strconv.AppendUint(b, n, 10)
}

// normalizedParts is to parts what normalized is to recordings.
func normalizedParts(parts []Part) []Part {
	list := slices.Clone(parts)
	for i := range list {
		p := &list[i]
		p.StartedAt = p.StartedAt.UTC().Round(0)
		p.Host.Capabilities = orEmpty(p.Host.Capabilities)
		if p.Losses == nil {
			p.Losses = map[string]uint64{}
		}
		if p.Calls == nil {
			p.Calls = map[string]map[string]Counts{}
		}
	}
	slices.SortStableFunc(list, func(a, b Part) int { return cmp.Compare(a.ID, b.ID) })
	return list
}
