package audit

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/scallop-sec/scallop/profiler/denials/report"
)

// FuzzScan: whatever the bytes, every line is counted once, and what comes of it is a report.
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
		tally := NewTally()
		stats, err := Scan(bytes.NewReader(data), now, func(r *Record) {
			taken++
			tally.Add(r)
		})
		r := &report.Report{APIVersion: report.APIVersion, Kind: report.Kind, ID: strings.Repeat("0", 32), Complete: true}
		stats.Account(r, "a log")
		tally.Fill(r)
		if _, err := report.Encode(r); err != nil {
			t.Error(err)
		}
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
