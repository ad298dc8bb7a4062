package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// writeHeader says what was recorded, where, and how far it can be trusted.
func writeHeader(w io.Writer, rec *recording.Recording, t terminal) {
	h := header{w, t}
	h.line("workload", t.paint(styleBold, clean(rec.Workload.Name)))
	h.identity(rec.Workload)
	if len(rec.Workload.Command) > 0 {
		h.line("command", h.fit(shellWords(rec.Workload.Command)))
	}
	h.line("recorded", h.fit(recordedText(rec)))
	h.line("host", h.fit(clean(fmt.Sprintf("Linux %s %s, %s, %s, %s cgroups", rec.Host.Kernel, rec.Host.Architecture,
		plural(rec.Host.CPUs, "CPU"), rec.Host.Probe, rec.Host.CgroupLayout))))
	h.completeness(rec)
	h.gaps(rec.Gaps)
	h.line("leader", h.fit(leaderText(rec.Workload.Leader)))
	h.phases(rec)
	h.dangers(rec)
	h.seen(rec)
	fmt.Fprintln(w)
}

type header struct {
	w io.Writer
	t terminal
}

const labelWidth = 10

// line writes one labelled line; an empty label continues the one above.
func (h header) line(label, text string) {
	// Padded before it is painted: escapes have no width.
	fmt.Fprintf(h.w, "%s%s\n", h.t.paint(styleDim, fmt.Sprintf("%-*s", labelWidth, label)), text)
}

// fit cuts text to the terminal.
func (h header) fit(text string) string {
	return cut(text, h.t.width-labelWidth)
}

func (h header) completeness(rec *recording.Recording) {
	switch {
	case rec.Complete:
		h.line("complete", h.t.paint(styleGreen, "yes, nothing was lost"))
	default:
		label := "complete"
		for _, why := range rec.Incomplete {
			h.line(label, h.t.paint(styleRed, "NO: ")+clean(why))
			label = ""
		}
		h.line("", "calls may be missing; scallop export refuses this recording (see --allow-incomplete)")
	}
	for _, reason := range slices.Sorted(maps.Keys(rec.Losses)) {
		if n := rec.Losses[reason]; n > 0 {
			h.line("", h.t.paint(styleRed, fmt.Sprintf("lost %d: %s", n, reason)))
		}
	}
	if rec.Workload.Seccomp == 2 {
		h.line("", h.t.paint(styleYellow, "recorded under a seccomp filter: calls that it denies could not be seen"))
	}
}

// phases writes one line a stretch of life, and one for what never happened.
func (h header) phases(rec *recording.Recording) {
	if len(rec.Parts) > 0 {
		h.mergedPhases(rec)
		return
	}
	label := "phases"
	width := 0
	for _, p := range rec.Phases {
		width = max(width, len(p.Name))
	}
	for _, p := range rec.Phases {
		text := fmt.Sprintf("%-*s  %8s  for %-8s %s", width, p.Name, "+"+span(p.StartNs), span(p.EndNs-p.StartNs), triggerText(p.Trigger))
		h.line(label, h.fit(text))
		label = ""
	}
	h.unreached(label, rec)
}

func (h header) unreached(label string, rec *recording.Recording) {
	if len(rec.Unreached) > 0 {
		h.line(label, h.t.paint(styleYellow, "never reached: "+strings.Join(rec.Unreached, ", ")))
	}
}

func triggerText(t recording.Trigger) string {
	if t.Detail == "" {
		return clean(t.Kind)
	}
	return clean(t.Kind + ": " + t.Detail)
}

func leaderText(l recording.Leader) string {
	text := fmt.Sprintf("pid %d", l.PID)
	if l.PID == 0 {
		text = "unknown, or several" // not started, or of a merged recording
	}
	if l.Exe != "" {
		text += " " + l.Exe
	}
	if l.User != "" {
		text += ", user " + l.User
	}
	return clean(text + ", " + cmp.Or(l.End, "end not seen"))
}

// span writes nanoseconds in three digits or so: 850µs, 2.41ms, 1.23s, 4m05s.
func span(ns int64) string {
	d := time.Duration(ns)
	switch {
	case d == 0:
		return "0s"
	case d < time.Millisecond:
		return fmt.Sprintf("%dµs", d.Microseconds())
	case d < 100*time.Millisecond:
		return strconv.FormatFloat(float64(ns)/1e6, 'g', 3, 64) + "ms"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 100*time.Second:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// shellWords joins arguments so that they could be typed again.
func shellWords(args []string) string {
	var words []string
	for _, arg := range args {
		arg = clean(arg)
		if arg == "" || strings.ContainsAny(arg, " \t\"'\\$`*?[]{}()<>|&;#~!") {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

func plural[N int | uint64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "s") {
		what += "e"
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// clean makes text of a workload harmless on a terminal.
func clean(s string) string { return recording.CleanString(s) }

// cut shortens s to width runes, or not at all if there is no width.
func cut(s string, width int) string {
	runes := []rune(s)
	if width < 2 || len(runes) <= width {
		return s
	}
	return string(runes[:width-1]) + "…"
}
