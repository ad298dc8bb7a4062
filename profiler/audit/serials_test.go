package audit

import (
	"testing"

	"pgregory.net/rapid"
)

func TestSerials(t *testing.T) {
	for _, tc := range []struct {
		name    string
		serials []uint32
		want    uint64
	}{
		{"none", nil, 0},
		{"one", []uint32{7}, 0},
		{"in order", []uint32{7, 8, 9}, 0},
		{"two records of an event", []uint32{7, 7, 8, 8}, 0},
		{"a gap", []uint32{7, 9}, 1},
		{"out of order", []uint32{7, 10, 9, 8}, 0},
		{"before the first one", []uint32{7, 5, 8}, 0},
		{"around the end of numbers", []uint32{1<<32 - 2, 1<<32 - 1, 0, 2}, 1},
		{"far", []uint32{7, 1_000_007}, 999_999},
		{"far, and a late one", []uint32{7, 1_000_007, 1_000_005, 8}, 999_998},
		{"a window later", []uint32{7, 9, 9 + window, 9 + 2*window}, 1 + 2*(window-1)},
	} {
		var s Serials
		for _, n := range tc.serials {
			s.Saw(n)
		}
		if got := s.Missing(); got != tc.want {
			t.Errorf("%s: %d, not %d", tc.name, got, tc.want)
		}
	}
}

// Whatever is dropped of a sequence that is a little out of order, exactly that is missing.
func TestSerialsCountEveryGap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.Uint32().Draw(t, "first")
		every := rapid.IntRange(2, 9).Draw(t, "every")
		var kept []uint32
		n := rapid.IntRange(1, 3*window).Draw(t, "n")
		for i := 1; i < n; i++ {
			if i%every != 0 {
				kept = append(kept, first+uint32(i))
			}
		}
		if rapid.Bool().Draw(t, "swapped") {
			for i := 1; i < len(kept); i += 2 {
				kept[i-1], kept[i] = kept[i], kept[i-1]
			}
		}
		var s Serials
		s.Saw(first)
		for _, serial := range append(kept, first+uint32(n)) {
			s.Saw(serial)
		}
		if dropped := uint64(n - 1 - len(kept)); s.Missing() != dropped {
			t.Errorf("%d missing, %d dropped", s.Missing(), dropped)
		}
	})
}
