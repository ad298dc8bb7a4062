package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// report writes one kernel's outcome as `go test` writes a package's: failed tests, with -v the others, too, and a
// line at the end.
func (o *outcome) report(w io.Writer, verbose bool) {
	if o.Guest != nil {
		for _, t := range o.Guest.Tests {
			t.report(w, o.Kernel, verbose)
		}
	}
	switch {
	case o.Verdict == skipped:
		fmt.Fprintf(w, "--- SKIP: kernel/%s\n%s\n", o.Kernel, indent(o.Error))
		fmt.Fprintf(w, "skip\tkernel/%s\n", o.Kernel)
	case o.Verdict == failed:
		o.reportFailure(w)
		fmt.Fprintf(w, "FAIL\tkernel/%s\t%.0fs\n", o.Kernel, o.Seconds)
	default:
		fmt.Fprintf(w, "ok  \tkernel/%s\t%.0fs\t(Linux %s, %s; %d passed, %d skipped)\n",
			o.Kernel, o.Seconds, o.Version, o.Guest.Machine, o.Guest.count(passed), o.Guest.count(skipped))
	}
}

func (t testResult) report(w io.Writer, kernel string, verbose bool) {
	if t.Outcome != failed && !verbose {
		return
	}
	fmt.Fprintf(w, "--- %s: kernel/%s/%s.%s (%.2fs)\n", t.Outcome, kernel, t.Package, t.Name, t.Seconds)
	if t.Outcome == passed {
		return
	}
	for _, line := range t.Output {
		fmt.Fprintln(w, indent(line))
	}
}

// reportFailure says what is wrong with the guest as a whole.
func (o *outcome) reportFailure(w io.Writer) {
	fmt.Fprintf(w, "--- FAIL: kernel/%s\n", o.Kernel)
	if o.Error != "" {
		fmt.Fprintln(w, indent(o.Error))
	}
	if o.Guest == nil || o.console == "" {
		return
	}
	for _, b := range binaries {
		if code, ran := o.Guest.Exits[b.Package]; !ran {
			fmt.Fprintf(w, "    %s did not come to its end\n", b.Package)
		} else if code != 0 {
			fmt.Fprintf(w, "    %s exited with code %d\n", b.Package, code)
		}
	}
	for _, line := range o.Guest.Crashes {
		fmt.Fprintln(w, indent(line))
	}
	if !o.Guest.AllRun {
		fmt.Fprintf(w, "    the console's last lines:\n%s\n", indent(lastLines(o.console, 20)))
	}
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// indent puts text below a heading. A guest's console may hold anything: it is cleaned.
func indent(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		columns := strings.Split(strings.TrimRight(line, "\r"), "\t")
		for j, column := range columns {
			columns[j] = recording.CleanString(column)
		}
		lines[i] = "    " + strings.Join(columns, "\t")
	}
	return strings.Join(lines, "\n")
}
