// Package report writes what package gate finds: for people, for scripts and for the
// formats that CI systems read. All functions are pure; the same findings give the same bytes.
//
// Names of programs, paths and files are a workload's or an attacker's words. Every renderer
// escapes them for its format, so that they cannot end a table, a tag, a line or a workflow command.
package report

import (
	"fmt"
	"strings"

	"github.com/scallop-sec/scallop/exporter/gate"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Options are what a report says of the tool and the run.
type Options struct {
	// Version of scallop.
	Version string
}

// CheckFormats are the formats of Check.
func CheckFormats() []string {
	return []string{"text", "json", "sarif", "junit", "github", "markdown"}
}

// DiffFormats are the formats of Diff.
func DiffFormats() []string { return []string{"text", "json", "markdown"} }

// ExplainFormats are the formats of Explain.
func ExplainFormats() []string { return []string{"text", "json"} }

// Check writes the result of a check.
func Check(format string, r *gate.Result, opts Options) ([]byte, error) {
	switch format {
	case "text":
		return checkText(r), nil
	case "json":
		return checkJSON(r)
	case "sarif":
		return sarifLog(r, opts)
	case "junit":
		return junit(r)
	case "github":
		return github(r), nil
	case "markdown":
		return checkMarkdown(r), nil
	}
	return nil, unknownFormat(format, CheckFormats())
}

// Diff writes a comparison.
func Diff(format string, d *gate.Diff) ([]byte, error) {
	switch format {
	case "text":
		return diffText(d), nil
	case "json":
		return diffJSON(d)
	case "markdown":
		return diffMarkdown(d), nil
	}
	return nil, unknownFormat(format, DiffFormats())
}

// Explain writes an explanation.
func Explain(format string, x *gate.Explanation) ([]byte, error) {
	switch format {
	case "text":
		return explainText(x), nil
	case "json":
		return explainJSON(x)
	}
	return nil, unknownFormat(format, ExplainFormats())
}

func unknownFormat(format string, known []string) error {
	return fmt.Errorf("format %q is not known: use one of %s", recording.CleanString(format), strings.Join(known, ", "))
}

// clean makes text harmless in a log. The runners of GitHub and Azure read ##[command] and
// ##vso[command] anywhere in a line.
func clean(s string) string {
	return strings.ReplaceAll(recording.CleanString(s), "##", `#\x23`)
}

func plural[N int | uint64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Headline is the result in a sentence.
func Headline(r *gate.Result) string {
	var parts []string
	for _, k := range gate.Kinds() {
		n := 0
		for i := range r.Findings {
			if r.Findings[i].Kind == k && r.Findings[i].Level == gate.Error {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, plural(n, noun(k)))
		}
	}
	if len(parts) > 0 {
		return "failed: " + strings.Join(parts, ", ")
	}
	text := fmt.Sprintf("passed: the profile allows all %s of %s", plural(len(r.Calls), "different call"), sources(r))
	if n := r.Count(gate.Conditional) + r.Count(gate.Answered); n > 0 {
		text = fmt.Sprintf("passed: the profile denies none of %s of %s; %d depend on arguments",
			plural(len(r.Calls), "different call"), sources(r), n)
	}
	if r.Unused {
		text += ", and no other"
	}
	return text
}

// sources is e.g. "2 recordings", or "1 denial report".
func sources(r *gate.Result) string {
	if r.Reports == 0 {
		return plural(r.Recordings, "recording")
	}
	reports := plural(r.Reports, "denial report")
	if r.Recordings == 0 {
		return reports
	}
	return plural(r.Recordings, "recording") + " and " + reports
}

func noun(k gate.Kind) string {
	return map[gate.Kind]string{
		gate.Missing: "missing call", gate.Unnamed: "call without a name", gate.Unused: "unused call",
		gate.Unreached: "unreached phase", gate.Unrecorded: "incomplete recording",
		gate.Filtered: "recording under a filter", gate.Conditional: "conditional call", gate.Shallow: "shortfall of coverage",
		gate.Elsewhere: "call denied elsewhere", gate.Answered: "call answered ENOSYS",
	}[k]
}

// danger is e.g. "escape: makes or joins namespaces".
func danger(f *gate.Finding) string {
	if f.Danger == nil {
		return ""
	}
	return fmt.Sprintf("%s: %s", f.Danger.Level, f.Danger.Reason)
}

// subject names what a finding is about, with the ABI of a call that was seen.
func subject(f *gate.Finding) string {
	if f.Call != nil {
		return fmt.Sprintf("%s (%s)", f.Subject, f.Call.ABI)
	}
	return f.Subject
}
