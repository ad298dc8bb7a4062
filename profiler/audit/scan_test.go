package audit

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scallop-sec/scallop/profiler/syscalls"
)

var update = flag.Bool("update", false, "write the golden files")

// now is when the logs are read.
var now = time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)

// describe is what a test compares: a line for each record, and what else there was.
func describe(r io.Reader) string {
	var b strings.Builder
	stats, err := Scan(r, now, func(r *Record) { fmt.Fprintln(&b, r) })
	fmt.Fprintf(&b, "%d lines: %d seccomp, %d others, %d foreign, %d unread; %d suppressed, %d lost; %v\n",
		stats.Lines, stats.Seccomp, stats.Others, stats.Foreign, stats.Unread, stats.Suppressed, stats.Lost, err)
	for _, e := range stats.Examples {
		fmt.Fprintf(&b, "line %d: %s: %q\n", e.Line, e.Why, e.Text)
	}
	return b.String()
}

func (r *Record) String() string {
	name, _ := syscalls.Name(r.ABI, r.Nr)
	at := "-"
	if !r.Time.IsZero() {
		at = r.Time.UTC().Format(time.RFC3339Nano)
	}
	text := fmt.Sprintf("%s #%d %s %s(%d) %s sig=%d pid=%d auid=%d comm=%q exe=%q subj=%q ip=%#x", at, r.Serial, r.ABI, name, r.Nr, r.Action,
		r.Signal, r.PID, r.LoginUID, r.Comm, r.Exe, r.Subject, r.IP)
	if r.UID != nil {
		text += fmt.Sprintf(" uid=%d", *r.UID)
	}
	if r.Node != "" {
		text += " node=" + r.Node
	}
	if r.Command != "" || r.Args != nil {
		text += fmt.Sprintf(" command=%q args=%v", r.Command, r.Args)
	}
	return text
}

func TestForms(t *testing.T) {
	logs, err := filepath.Glob("testdata/*.log")
	if err != nil || len(logs) == 0 {
		t.Fatal("no logs", err)
	}
	for _, log := range logs {
		t.Run(filepath.Base(log), func(t *testing.T) {
			data, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			got := describe(bytes.NewReader(data))
			golden := strings.TrimSuffix(log, ".log") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s", diff)
			}
			if zipped := describe(gzipped(t, data)); zipped != got {
				t.Errorf("gzip reads differently:\n%s", zipped)
			}
			if crlf := describe(bytes.NewReader(bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")))); crlf != got {
				t.Errorf("with carriage returns:\n%s", crlf)
			}
		})
	}
}

func gzipped(t testing.TB, data []byte) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}
