package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/exporter/gate"
)

// maxRows bounds a table: GitHub takes a step summary of 1 MiB and drops a larger one whole.
const maxRows = 500

// checkMarkdown is for a step summary, a comment or a merge request.
func checkMarkdown(r *gate.Result) []byte {
	var b bytes.Buffer
	icon := "✅"
	if r.Failed() {
		icon = "❌"
	}
	fmt.Fprintf(&b, "### %s scallop check %s\n\n", icon, markdown(Headline(r)))
	fmt.Fprintf(&b, "Profile %s, %s of %s; phases reached: %s.\n", code(r.Profile), sources(r), code(list(workloads(r))), markdown(list(r.Phases)))
	for _, s := range r.Summary {
		fmt.Fprintf(&b, "\n- %s", markdown(s))
	}
	for _, c := range coverage(r) {
		fmt.Fprintf(&b, "\n- %s", markdown(c))
	}
	b.WriteString("\n")
	findingTables(&b, r)
	if len(r.Next) > 0 {
		b.WriteString("\nNext:\n\n")
		for _, next := range r.Next {
			fmt.Fprintf(&b, "- %s\n", code(next))
		}
	}
	return b.Bytes()
}

// findingTables has a table of calls, and a list of all else.
func findingTables(b *bytes.Buffer, r *gate.Result) {
	rows := 0
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Danger == nil && f.Call == nil {
			continue
		}
		if rows == 0 {
			b.WriteString("\n| | call | danger | evidence |\n|---|---|---|---|\n")
		}
		if rows++; rows <= maxRows {
			fmt.Fprintf(b, "| %s | %s | %s | %s |\n", noun(f.Kind), code(subject(f)), markdown(danger(f)), evidenceCell(f))
		}
	}
	if rows > maxRows {
		fmt.Fprintf(b, "\n%d more.\n", rows-maxRows)
	}
	first := true
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Danger != nil || f.Call != nil {
			continue
		}
		if first {
			b.WriteString("\n")
			first = false
		}
		fmt.Fprintf(b, "- **%s**: %s (%s)\n", f.Level, code(f.Text), markdown(f.Next))
	}
}

func evidenceCell(f *gate.Finding) string {
	if f.Call == nil {
		return markdown("never seen")
	}
	cell := code(f.Call.Evidence())
	if f.Denial != nil {
		cell += markdown("; " + f.Denial.Text())
	}
	return cell
}

// workloads are those of recordings and of denial reports.
func workloads(r *gate.Result) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(r.Workloads, r.DeniedTo))))
}

func diffMarkdown(d *gate.Diff) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "### scallop diff: %s\n\nA is %s, B is %s.\n", markdown(diffHeadline(d)), code(d.A), code(d.B))
	if len(d.Changes) == 0 {
		return b.Bytes()
	}
	b.WriteString("\n| | what | before | after | danger | evidence |\n|---|---|---|---|---|---|\n")
	for i := range d.Changes[:min(len(d.Changes), maxRows)] {
		c := &d.Changes[i]
		level := ""
		if c.Danger != nil {
			level = c.Danger.Level.String()
		}
		var evidence []string
		for _, ev := range c.Evidence {
			evidence = append(evidence, code(ev))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", c.Kind, code(changeName(c)), code(c.Before), code(c.After),
			markdown(level), strings.Join(evidence, "<br>"))
	}
	if rest := len(d.Changes) - maxRows; rest > 0 {
		fmt.Fprintf(&b, "\n%d more.\n", rest)
	}
	return b.Bytes()
}

func changeName(c *gate.Change) string {
	if c.ABI != "" {
		return c.Name + " (" + c.ABI + ")"
	}
	return c.Name
}

// code writes text as it is, in the font of code. Backticks would need a fence that a workload cannot guess, and pipes
// end a cell even in code: so it is HTML with every mark of Markdown as an entity. Inside
// <code> GitHub and GitLab link no @name and no #number.
func code(s string) string {
	if s == "" {
		return ""
	}
	return "<code>" + markdown(s) + "</code>"
}

// markdown escapes everything but letters, digits and what cannot mean anything.
func markdown(s string) string {
	var b strings.Builder
	for _, r := range clean(s) {
		switch {
		case r >= 0x80, r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(" /,;%()'", r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	return b.String()
}
