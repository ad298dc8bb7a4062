package profiler

import "testing"

func TestParseOffset(t *testing.T) {
	for text, want := range map[string]int64{
		"monotonic           0         0\nboottime            0         0\n": 0,
		"monotonic      100000       500\nboottime            7         0\n": 100_000_000_000_500,
		"boottime            7         0\nmonotonic         -3         1\n":  -2_999_999_999,
		"monotonic x 0\n": 0,
		"":                0,
	} {
		if got := parseOffset(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
