package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// callLabel names a call, by its number where no table has it.
func callLabel(name string, nr int, abi string) string {
	if name == "" {
		return fmt.Sprintf("number %d of %s", nr, abi)
	}
	return name
}

// writeTable is for people: what was denied, then what that means.
func (v *verification) writeTable(w io.Writer, t terminal) {
	if len(v.Denials) > 0 {
		writeDenials(w, v.Denials)
		fmt.Fprintln(w)
	}
	style, text := styleGreen, v.verdict()
	if len(v.Denials) > 0 {
		style = styleBold + styleRed
	}
	fmt.Fprintln(w, t.paint(style, text))
	if v.End != "" {
		fmt.Fprintf(w, "The command %s.\n", v.End)
	}
	if len(v.Phases) > 0 {
		fmt.Fprintf(w, "Phases reached: %s; %d different calls made.\n", strings.Join(v.Phases, ", "), v.Calls)
	}
	if len(v.Answered) > 0 {
		fmt.Fprintln(w, "Answered ENOSYS on purpose, so that the C library takes another call:")
		writeDenials(w, v.Answered)
	}
	v.writeExpected(w, t)
	for _, reason := range v.Incomplete {
		fmt.Fprintln(w, t.paint(styleYellow, "Not everything was seen: "+reason+"."))
	}
}

func writeDenials(w io.Writer, denials []verifyDenial) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CALL\tNR\tABI\tCOUNT\tPHASE\tANSWER\tCOMM\tFIRST AFTER\tNOTE")
	for _, d := range denials {
		call := callLabel(d.Name, d.Nr, d.ABI)
		if d.Args != "" {
			call += "(" + d.Args + ")"
		}
		answer := d.Action
		if d.Errno != "" {
			answer = d.Errno
		}
		row := []string{call, fmt.Sprint(d.Nr), d.ABI, fmt.Sprint(d.Count), d.Phase, answer, recording.CleanString(d.Comm),
			time.Duration(d.OffsetNs).Round(time.Millisecond).String(), d.Note}
		fmt.Fprintln(table, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	_ = table.Flush() // into memory
}

// verdict is the one sentence that counts.
func (v *verification) verdict() string {
	what := "was denied"
	if v.Mode != "enforce" {
		what = "would be denied"
	}
	switch {
	case len(v.Denials) == 0:
		return fmt.Sprintf("Nothing %s under %s.", what, v.Profile)
	case !v.Started:
		return fmt.Sprintf("The command did not even start under %s: its execve %s.", v.Profile, what)
	}
	names := map[string]bool{}
	for _, d := range v.Denials {
		names[callLabel(d.Name, d.Nr, d.ABI)] = true
	}
	if len(names) == 1 {
		return fmt.Sprintf("1 different call, %d in all: it %s under %s.", v.Denied, what, v.Profile)
	}
	return fmt.Sprintf("%d different calls, %d in all: each %s under %s.", len(names), v.Denied, what, v.Profile)
}

func (v *verification) writeExpected(w io.Writer, t terminal) {
	x := v.Expected
	if x == nil {
		return
	}
	if len(x.UnreachedPhases) > 0 {
		fmt.Fprintln(w, t.paint(styleYellow, "Never reached, though the recording did: "+strings.Join(x.UnreachedPhases, ", ")+": nothing is proved of these phases."))
	}
	if n := len(x.UnmadeCalls); n > 0 {
		fmt.Fprintf(w, "Of the recording's %d calls, %d were not made: %s.\n", x.Calls, n, strings.Join(x.UnmadeCalls, ", "))
	} else {
		fmt.Fprintf(w, "All %d calls of the recording were made.\n", x.Calls)
	}
}
