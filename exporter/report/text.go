package report

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/gate"
)

func checkText(r *gate.Result) []byte {
	var b bytes.Buffer
	line(&b, "profile     %s", r.Profile)
	if r.Recordings > 0 || r.Reports == 0 {
		line(&b, "recordings  %s", about(r))
		line(&b, "phases      %s", list(r.Phases))
	}
	for _, s := range r.Summary {
		line(&b, "            %s", s)
	}
	for i, c := range coverage(r) {
		line(&b, "%-11s %s", onlyFirst(i, "coverage"), c)
	}
	if r.Reports > 0 {
		line(&b, "denials     %s of denials to %s", plural(r.Reports, "report"), list(r.DeniedTo))
	}
	if len(r.Findings) > 0 {
		b.WriteByte('\n')
	}
	for i := range r.Findings {
		findingText(&b, &r.Findings[i])
	}
	b.WriteByte('\n')
	if r.Baseline > 0 {
		line(&b, "%s never seen, but needed by the runtime, by every process or by other C libraries", plural(r.Baseline, "allowed call"))
	}
	line(&b, "%s", Headline(r))
	for _, next := range r.Next {
		line(&b, "next: %s", next)
	}
	return b.Bytes()
}

// coverage names the workload only where there are several.
func coverage(r *gate.Result) []string {
	var lines []string
	for _, c := range r.Coverage[:min(len(r.Coverage), maxListed)] {
		text := c.Text
		if len(r.Coverage) > 1 {
			text = c.Workload + ": " + text
		}
		lines = append(lines, text)
	}
	if rest := len(r.Coverage) - maxListed; rest > 0 {
		lines = append(lines, fmt.Sprintf("%d more workloads", rest))
	}
	return lines
}

// about is e.g. "3 of nginx and redis, 1 given twice".
func about(r *gate.Result) string {
	text := fmt.Sprintf("%d of %s", r.Recordings, list(r.Workloads))
	if r.Duplicates > 0 {
		text += fmt.Sprintf(", %d more given twice", r.Duplicates)
	}
	return text
}

// maxListed keeps a thousand workloads off one line.
const maxListed = 8

func list(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	if rest := len(words) - maxListed; rest > 0 {
		words = append(append([]string{}, words[:maxListed]...), fmt.Sprintf("%d more", rest))
	}
	return exporter.Enumerate(words)
}

// Findings are those about denied calls, for people: what a profile does with each, and why it lacks it.
func Findings(r *gate.Result) []byte {
	var b bytes.Buffer
	for i := range r.Findings {
		if r.Findings[i].Denial == nil {
			continue
		}
		if b.Len() == 0 {
			line(&b, "")
			line(&b, "under %s:", r.Profile)
		}
		findingText(&b, &r.Findings[i])
	}
	return b.Bytes()
}

func findingText(b *bytes.Buffer, f *gate.Finding) {
	line(b, "%-8s %s", f.Level, f.Text)
	if f.Danger != nil && f.Danger.Reason != "" {
		line(b, "         %s, %s", f.Danger.Class, danger(f))
	}
	if f.Next != "" {
		line(b, "         %s", f.Next)
	}
}

// line writes one line, whatever is in its arguments.
func line(b *bytes.Buffer, format string, args ...any) {
	b.WriteString(strings.TrimRight(clean(fmt.Sprintf(format, args...)), " "))
	b.WriteByte('\n')
}

func diffText(d *gate.Diff) []byte {
	var b bytes.Buffer
	if len(d.Changes) == 0 {
		line(&b, "no difference between %s and %s", d.A, d.B)
		return b.Bytes()
	}
	line(&b, "A  %s", d.A)
	line(&b, "B  %s", d.B)
	b.WriteByte('\n')
	for i := range d.Changes {
		changeText(&b, &d.Changes[i])
	}
	b.WriteByte('\n')
	line(&b, "%s", diffHeadline(d))
	return b.Bytes()
}

var signs = map[gate.ChangeKind]string{gate.Added: "+", gate.Removed: "-", gate.Changed: "~"}

func changeText(b *bytes.Buffer, c *gate.Change) {
	name := c.Name
	if c.Subject == gate.OfArchitecture {
		name = "architecture " + name
	}
	if c.ABI != "" {
		name += " (" + c.ABI + ")"
	}
	line(b, "%s %-24s %s", signs[c.Kind], name, changeDetail(c))
	for _, ev := range c.Evidence {
		line(b, "    %s", ev)
	}
}

// changeDetail is what was and is; a plain allow needs no words.
func changeDetail(c *gate.Change) string {
	detail := ""
	switch {
	case c.Kind == gate.Changed:
		detail = fmt.Sprintf("%s -> %s", c.Before, c.After)
	case c.Before+c.After != gate.Allow && c.Subject == gate.OfCall:
		detail = c.Before + c.After
	}
	if c.Danger != nil && c.Danger.Level > 0 {
		detail = strings.TrimPrefix(detail+"  ["+c.Danger.Level.String()+": "+c.Danger.Reason+"]", "  ")
	}
	return detail
}

func diffHeadline(d *gate.Diff) string {
	text := fmt.Sprintf("calls: %d added, %d removed, %d changed", d.Count(gate.Added), d.Count(gate.Removed), d.Count(gate.Changed))
	other := len(d.Changes) - d.Count(gate.Added) - d.Count(gate.Removed) - d.Count(gate.Changed)
	if other > 0 {
		text += fmt.Sprintf("; %s", plural(other, "other difference"))
	}
	return text
}
