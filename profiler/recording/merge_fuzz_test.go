package recording

import (
	"bytes"
	"testing"
)

// FuzzCounts: a text is refused, or it is the one way to write its counts.
func FuzzCounts(f *testing.F) {
	for _, text := range []string{"0:7 1:4", "1:4", "", " ", "1:0", "01:1", "1:1 1:2", "1:18446744073709551615", "1:18446744073709551616", "-1:1", "1", "1:", ":1", "1:1 ", "1073741824:1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if Counts(text).check() != nil {
			return
		}
		var again []byte
		for nr, n := range Counts(text).All() {
			again = appendCount(again, nr, n)
		}
		if string(again) != text {
			t.Errorf("%q is written %q", text, again)
		}
	})
}

// FuzzMerge: whatever can be read can be merged with another or is refused, and the merge can be read.
func FuzzMerge(f *testing.F) {
	f.Add(bytesOf(f, sample()))
	f.Add(bytesOf(f, again()))
	f.Add(bytesOf(f, merged(f, sample(), again())))
	other := containerSample()
	other.ID = "0123456789abcdef0123456789abcdef"
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		m, err := Merge([]*Recording{r, other})
		if err != nil {
			return
		}
		if !bytes.Equal(bytesOf(t, reread(t, m)), bytesOf(t, m)) {
			t.Error("the file changes when it is read")
		}
	})
}
