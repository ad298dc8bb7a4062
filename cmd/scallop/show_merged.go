package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/scallop-sec/scallop/exporter/completeness"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// seen writes the estimates of what was not, a line a phase. They are too long for
// a terminal and break at their semicolons.
func (h header) seen(rec *recording.Recording) {
	label := "seen"
	for _, text := range completeness.Of(rec, nil).Lines() {
		for i, line := range broken(text, h.t.width-labelWidth) {
			if i > 0 {
				line = "  " + line
			}
			h.line(label, h.fit(line))
			label = ""
		}
	}
}

// broken splits text after semicolons into lines of a width; 0 or less is no limit.
func broken(text string, width int) []string {
	if width <= 0 {
		return []string{text}
	}
	const indent = 2
	var lines []string
	line := ""
	for _, part := range strings.SplitAfter(text, "; ") {
		if line != "" && utf8.RuneCountInString(line+strings.TrimSpace(part)) > width-indent {
			lines = append(lines, strings.TrimSpace(line))
			line = ""
		}
		line += part
	}
	return append(lines, strings.TrimSpace(line))
}

func recordedText(rec *recording.Recording) string {
	const layout = "2006-01-02 15:04:05 MST"
	if len(rec.Parts) == 0 {
		return fmt.Sprintf("%s for %s", rec.StartedAt.UTC().Format(layout), span(rec.DurationNs))
	}
	var sum int64
	last := rec.StartedAt
	for i := range rec.Parts {
		p := &rec.Parts[i]
		sum = max(sum, sum+p.DurationNs) // stops instead of turning negative
		if p.StartedAt.After(last) {
			last = p.StartedAt
		}
	}
	return fmt.Sprintf("%d times from %s to %s, for %s together", len(rec.Parts),
		rec.StartedAt.UTC().Format(layout), last.UTC().Format(layout), span(sum))
}

// mergedPhases sums up each phase: the stretches of a thousand recordings are no header.
func (h header) mergedPhases(rec *recording.Recording) {
	names := recording.PhaseNames(rec)
	label, width := "phases", 0
	for _, name := range names {
		width = max(width, len(name))
	}
	for _, name := range names {
		var sum int64
		parts := map[string]bool{}
		for _, p := range rec.Phases {
			if p.Name == name {
				sum = max(sum, sum+p.EndNs-p.StartNs)
				parts[p.Part] = true
			}
		}
		if len(parts) == 0 {
			continue // of tasks of the runtime, not a stretch of time
		}
		h.line(label, h.fit(fmt.Sprintf("%-*s  in %d of %d recordings, for %s together", width, name, len(parts), len(rec.Parts), span(sum))))
		label = ""
	}
	h.unreached(label, rec)
}

// showSaturation writes the curve of one recording over its time, or of several one by one.
func showSaturation(e *env, rec *recording.Recording, opts showOptions) error {
	if opts.output != "table" {
		return usageError(fmt.Errorf("--saturation is drawn for people, not as %s: use --output json without it for the figures", opts.output))
	}
	var phases []string
	if opts.phase != "" {
		if names := recording.PhaseNames(rec); !slices.Contains(names, opts.phase) {
			return usageError(fmt.Errorf("phase %q is not in this recording: choose of %s", opts.phase, strings.Join(names, ", ")))
		}
		phases = []string{opts.phase}
	}
	t := terminalOf(e, e.stdout)
	width := t.width
	if width == 0 {
		width = 80
	}
	var out strings.Builder
	if len(rec.Parts) > 0 {
		writeRuns(&out, completeness.Runs(rec, phases), opts.limit, t, width)
	} else {
		writeTimeCurve(&out, rec, phases, width)
	}
	for _, line := range completeness.Of(rec, phases).Lines() {
		fmt.Fprintln(&out, strings.Join(broken(line, t.width), "\n  "))
	}
	return writeOutput(e, "-", []byte(out.String()))
}

const plotHeight = 8

func writeTimeCurve(out *strings.Builder, rec *recording.Recording, phases []string, width int) {
	fmt.Fprintln(out, "different calls seen by then, over the time of the recording")
	completeness.Plot(out, completeness.OverTime(rec, phases, max(10, width-6)), width, plotHeight)
	fmt.Fprintln(out)
}

// writeRuns lists what each recording added, and draws the sum.
func writeRuns(out *strings.Builder, runs []completeness.Run, limit int, t terminal, width int) {
	fmt.Fprintln(out, "different calls seen by then, by recording in the order of time")
	var totals []int
	for _, run := range runs {
		totals = append(totals, run.Total)
	}
	completeness.Plot(out, totals, width, plotHeight)
	fmt.Fprintln(out)
	for i, run := range runs {
		if limit > 0 && i == limit {
			fmt.Fprintf(out, "%s not shown (--limit)\n", plural(len(runs)-i, "recording"))
			break
		}
		fmt.Fprintln(out, cut(runText(i+1, &run), t.width))
	}
	fmt.Fprintln(out)
}

// runText is e.g. "3  2026-11-20 09:14:03  nginx 5b1f0c7a  55 different, 2 new: openat2, statx".
func runText(n int, run *completeness.Run) string {
	text := fmt.Sprintf("%d  %s  %s %.8s  %d different, %d new", n, run.Part.StartedAt.UTC().Format("2006-01-02 15:04:05"),
		clean(run.Part.Workload.Name), run.Part.ID, run.Different, len(run.Added))
	if len(run.Added) == 0 || n == 1 {
		return text
	}
	return text + ": " + clean(strings.Join(run.Added, ", "))
}
