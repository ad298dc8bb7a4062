package audit

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// FuzzScan: whatever the bytes, every line is counted once, and no record is more than what a report can hold.
func FuzzScan(f *testing.F) {
	logs, err := filepath.Glob("testdata/*.log")
	if err != nil {
		f.Fatal(err)
	}
	for _, log := range logs {
		data, err := os.ReadFile(log)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		for _, text := range bytes.SplitAfter(data, []byte("\n")) {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var taken uint64
		stats, err := Scan(bytes.NewReader(data), now, func(r *Record) {
			taken++
			if r.PID < 0 || r.ABI == "" || r.Action == "" || r.UID != nil && *r.UID < 0 || int(int32(r.Nr)) != r.Nr {
				t.Errorf("%+v", r)
			}
		})
		if taken != stats.Seccomp {
			t.Errorf("%d of %d records were handed on", taken, stats.Seccomp)
		}
		if sum := stats.Seccomp + stats.Others + stats.Foreign + stats.Unread; sum != stats.Lines {
			t.Errorf("%d lines, and %d counted: %v", stats.Lines, sum, err)
		}
		for _, e := range stats.Examples {
			if len(e.Text) > maxShown+utf8.UTFMax {
				t.Errorf("an example of %d bytes", len(e.Text))
			}
		}
	})
}
