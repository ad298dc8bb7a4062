package report

import (
	"bytes"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/scallop-sec/scallop/exporter/gate"
	"github.com/scallop-sec/scallop/exporter/severity"
)

// projectURL is what SARIF viewers link to.
const projectURL = "https://github.com/scallop-sec/scallop"

// sarifLog writes SARIF 2.1.0, as GitHub's code scanning reads it: each finding at its line of the profile.
func sarifLog(r *gate.Result, opts Options) ([]byte, error) {
	log := sarif.NewReport()
	run := sarif.NewRunWithInformationURI("scallop", projectURL)
	if opts.Version != "" {
		run.Tool.Driver.WithVersion(opts.Version)
	}
	addRules(run, r)
	for i := range r.Findings {
		addResult(run, r, &r.Findings[i])
	}
	log.AddRun(run)
	var b bytes.Buffer
	if err := log.PrettyWrite(&b); err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// ruleID splits calls by danger: code scanning shows a rule's severity, not a result's.
func ruleID(f *gate.Finding) string {
	if f.Danger == nil {
		return string(f.Kind)
	}
	return fmt.Sprintf("%s/%s", f.Kind, f.Danger.Level)
}

func addRules(run *sarif.Run, r *gate.Result) {
	for i := range r.Findings {
		f := &r.Findings[i]
		rule := run.AddRule(ruleID(f)).WithDescription(gate.About(f.Kind)).WithHelpURI(projectURL + "/blob/main/docs/ci.md")
		props := sarif.NewPropertyBag().WithTags([]string{"security", "seccomp"})
		props.Add("security-severity", score(f))
		rule.WithProperties(props)
	}
}

// score is GitHub's scale: 9 and more is critical, 7 high, 4 medium. What the application does not need,
// or what recordings lack, is no vulnerability by itself.
func score(f *gate.Finding) string {
	if f.Danger == nil || f.Level != gate.Error {
		return "1.0"
	}
	return map[severity.Level]string{severity.Escape: "9.0", severity.Kernel: "7.0", severity.Information: "4.0", severity.None: "2.0"}[f.Danger.Level]
}

func addResult(run *sarif.Run, r *gate.Result, f *gate.Finding) {
	text := f.Text
	if f.Danger != nil {
		text += ". Danger " + danger(f)
	}
	if f.Next != "" {
		text += ". Next: " + f.Next
	}
	physical := sarif.NewPhysicalLocation().
		WithArtifactLocation(sarif.NewSimpleArtifactLocation(fileURI(r.Profile))).
		WithRegion(sarif.NewRegion().WithStartLine(max(1, f.Line)))
	run.CreateResultForRule(ruleID(f)).
		WithLevel(f.Level.String()).
		WithMessage(sarif.NewTextMessage(sarifText(text))).
		WithPartialFingerprints(map[string]string{"scallop/v1": clean(f.ID())}).
		AddLocation(sarif.NewLocationWithPhysicalLocation(physical))
}

// sarifText escapes what means something in a message: {0} is a placeholder, [text](link) a link
// (SARIF 2.1.0, 3.11.5 and 3.11.6).
func sarifText(s string) string {
	return strings.NewReplacer("{", "{{", "}", "}}", "[", `\[`, "]", `\]`).Replace(clean(s))
}

// fileURI is relative for a relative path: code scanning looks it up in the repository.
func fileURI(path string) string {
	path = filepath.ToSlash(path)
	u := url.URL{Path: strings.TrimPrefix(path, "./")}
	if strings.HasPrefix(path, "/") {
		u.Scheme = "file"
	}
	return u.String()
}
