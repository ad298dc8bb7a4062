package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/scallop-sec/scallop/profiler/doctor"
)

// verdictLook is how a verdict is shown.
var verdictLook = map[doctor.Verdict]struct{ text, style string }{
	doctor.OK:   {"ok", styleGreen},
	doctor.Warn: {"warn", styleYellow},
	doctor.Fail: {"FAIL", styleBold + styleRed},
}

// writeDoctorTable writes one line a check. On a terminal it is folded to the
// width, and the next step stands on a line of its own.
func writeDoctorTable(w io.Writer, checks []doctor.Check, t terminal) {
	names := 0
	for _, c := range checks {
		names = max(names, len(c.Name))
	}
	indent := strings.Repeat(" ", 6+names+2)
	for _, c := range checks {
		look := verdictLook[c.Verdict]
		verdict := t.paint(look.style, look.text) + strings.Repeat(" ", 6-len(look.text))
		lines := doctorLines(c, t.width-len(indent), t.tty)
		fmt.Fprintf(w, "%s%-*s  %s\n", verdict, names, c.Name, strings.Join(lines, "\n"+indent))
	}
	if doctor.CanRecord(checks) { // otherwise, the error says so
		fmt.Fprintf(w, "\n%s\n", t.paint(styleGreen, "This host can record."))
	}
}

func doctorLines(c doctor.Check, width int, tty bool) []string {
	switch {
	case !tty && c.Next != "":
		return []string{c.Found + "; next: " + c.Next}
	case !tty:
		return []string{c.Found}
	case c.Next == "":
		return fold(c.Found, width)
	}
	return append(fold(c.Found, width), fold("next: "+c.Next, width)...)
}

// fold breaks text at spaces. A word that is longer than the width stays whole, so
// that it can be copied.
func fold(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= max(width, 20):
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}
