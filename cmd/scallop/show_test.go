package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
	"github.com/scallop-sec/scallop/profiler/recording"
)

func sampleRecording(t *testing.T) *recording.Recording {
	t.Helper()
	return recorded.Read(t, "../../testdata/recordings/nginx.json")
}

func table(t *testing.T, rec *recording.Recording, opts showOptions, term terminal) string {
	t.Helper()
	rank, err := newRanking(rec, opts)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	writeHeader(&b, rec, term)
	rank.writeTable(&b, term)
	return b.String()
}

var escapes = regexp.MustCompile("\x1b\\[[0-9]*m")

func TestTableFitsTheTerminal(t *testing.T) {
	rec := sampleRecording(t)
	for _, width := range []int{80, 100, 120, 200} {
		plain := table(t, rec, showOptions{sort: "total"}, terminal{tty: true, width: width})
		for line := range strings.Lines(plain) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns in %d: %q", n, width, line)
			}
		}
		// Colors change nothing but colors.
		colored := table(t, rec, showOptions{sort: "total"}, terminal{tty: true, color: true, width: width})
		if escapes.ReplaceAllString(colored, "") != plain || colored == plain {
			t.Errorf("width %d: the colored table is not the plain one in colors", width)
		}
	}
}

func TestTableKeepsWhatMatters(t *testing.T) {
	out := table(t, sampleRecording(t), showOptions{sort: "total"}, terminal{tty: true, width: 80})
	for _, want := range []string{"SHARE", "CUM", "STARTUP", "STEADY", "SHUTDOWN", "FIRST", "shutdown-only", "startup-only", "left out on this narrow terminal: SETUP BY"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if piped := table(t, sampleRecording(t), showOptions{sort: "total"}, terminal{}); strings.ContainsAny(piped, "█▏\x1b") {
		t.Error("a bar or a color without a terminal")
	}
}

func TestTableOfSeveralABIs(t *testing.T) {
	rec := sampleRecording(t)
	rec.Syscalls = append(rec.Syscalls, recording.Syscall{
		ABI: "x86", Nr: 9999, Total: 1, Phases: map[string]recording.PhaseCount{"steady": {Count: 1}},
	})
	out := table(t, rec, showOptions{sort: "nr"}, terminal{})
	for _, want := range []string{"read (x86_64)", "#9999 (x86)"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestTableOfNothing(t *testing.T) {
	rec := &recording.Recording{Unreached: []string{"startup", "steady", "shutdown"}, Complete: true}
	out := table(t, rec, showOptions{sort: "total"}, terminal{tty: true, width: 80})
	for _, want := range []string{"never reached: startup, steady, shutdown", "0 different calls, made 0 times"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
}

// Which container it was, and how long nobody watched; what engines say cannot steer the terminal.
func TestHeaderOfAContainer(t *testing.T) {
	yes := true
	rec := &recording.Recording{
		Complete: true,
		Gaps:     []recording.Gap{{StartNs: 1e9, EndNs: 3e9}, {StartNs: 5e9, EndNs: 6e9}},
		Workload: recording.Workload{NoNewPrivs: &yes, Container: &recording.Container{
			ID: strings.Repeat("0123456789abcdef", 4), Engine: "containerd", EngineVer: "1.6", Runtime: "runc", Image: "shop\x1b[31m:1",
			Pod: &recording.Pod{Namespace: "ns", Name: "cart-0"},
		}},
	}
	out := table(t, rec, showOptions{sort: "total"}, terminal{})
	for _, want := range []string{
		"\ncontainer 0123456789ab, pod ns/cart-0, containerd 1.6, runc, no_new_privs, shop\\x1b[31m:1\n",
		"nobody was watching for 3.00s: the counts are exact",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
	rec.Workload.Container, rec.Gaps = &recording.Container{ID: "\xff"}, nil
	if out := table(t, rec, showOptions{sort: "total"}, terminal{}); !strings.Contains(out, "\ncontainer \\xff, no_new_privs\n") || strings.Contains(out, "watching") {
		t.Error(out)
	}
}

// TestNoteNeedsMoreThanOnePhase: all calls of `ls` are in startup; to mark each says nothing. What setup
// alone made is not the command's, and not ranked.
func TestNoteNeedsMoreThanOnePhase(t *testing.T) {
	rec := &recording.Recording{
		Phases: []recording.Phase{{Name: "startup"}},
		Syscalls: []recording.Syscall{
			{ABI: "x86_64", Name: "read", Total: 1, Phases: map[string]recording.PhaseCount{"startup": {Count: 1}}},
			{ABI: "x86_64", Nr: 1, Name: "write", Total: 1, Phases: map[string]recording.PhaseCount{"setup": {Count: 1}}},
		},
	}
	if out := table(t, rec, showOptions{sort: "total"}, terminal{}); strings.Contains(out, "startup-only") || strings.Contains(out, "write") {
		t.Error(out)
	}
}

func TestSpan(t *testing.T) {
	for ns, want := range map[int64]string{
		0: "0s", 850_000: "850µs", 2_414_000: "2.41ms", 12_000_000: "12ms", 99_999_999: "100ms", 123_400_000: "123ms", 1_234_000_000: "1.23s", 245_000_000_000: "4m05s", 7_500_000_000_000: "2h05m",
	} {
		if got := span(ns); got != want {
			t.Errorf("span(%d) = %s, want %s", ns, got, want)
		}
	}
}

func TestPercent(t *testing.T) {
	for share, want := range map[float64]string{0: "0.0%", 0.0001: "<0.1%", 0.5: "50.0%", 0.99991: ">99.9%", 1: "100.0%"} {
		if got := percent(share); got != want {
			t.Errorf("percent(%v) = %s, want %s", share, got, want)
		}
	}
}

func TestShellWords(t *testing.T) {
	if got, want := shellWords([]string{"sh", "-c", "echo 'a' > b", "", "x\n"}), `sh -c 'echo '\''a'\'' > b' '' 'x\x0a'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
