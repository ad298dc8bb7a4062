package report

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/scallop-sec/scallop/exporter/gate"
)

// github writes workflow commands, which become annotations of the profile's file, and then the
// headline for the log.
// https://docs.github.com/actions/reference/workflow-commands-for-github-actions
func github(r *gate.Result) []byte {
	var b bytes.Buffer
	for i := range r.Findings {
		b.WriteString(command(r, &r.Findings[i]))
		b.WriteByte('\n')
	}
	line(&b, "scallop check %s", Headline(r))
	for _, next := range r.Next {
		line(&b, "next: %s", next)
	}
	return b.Bytes()
}

func command(r *gate.Result, f *gate.Finding) string {
	props := []string{"title=" + commandProperty(title(f))}
	if f.Line > 0 {
		props = append([]string{"file=" + commandProperty(r.Profile), fmt.Sprintf("line=%d", f.Line)}, props...)
	}
	text := f.Text
	if f.Danger != nil {
		text += "\ndanger " + danger(f)
	}
	if f.Next != "" {
		text += "\n" + f.Next
	}
	level := map[gate.Level]string{gate.Error: "error", gate.Warning: "warning", gate.Note: "notice"}[f.Level]
	return fmt.Sprintf("::%s %s::%s", level, strings.Join(props, ","), commandData(text))
}

// title is e.g. "missing call: ptrace (x86_64), escape".
func title(f *gate.Finding) string {
	text := noun(f.Kind) + ": " + subject(f)
	if f.Danger != nil && f.Danger.Level.Dangerous() {
		text += ", " + f.Danger.Level.String()
	}
	return text
}

// commandData escapes as the runner unescapes: "%" first, line ends. Each line is cleaned on its own, so that only
// ours break.
func commandData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(cleanLines(s))
}

// commandProperty also escapes what ends a property, or the properties.
func commandProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(clean(s))
}

// cleanLines cleans text whose line ends are ours.
func cleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n")
}
