package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/gate"
	"github.com/scallop-sec/scallop/exporter/policy"
)

// lineCount of a report must not depend on what a workload calls itself.
func lineCount(data []byte) int { return bytes.Count(data, []byte("\n")) }

func TestHostileWordsStayWords(t *testing.T) {
	good := failing(t, "p.json", "run.json", "web", "/usr/bin/web")
	bad := failing(t, "p.json", "run.json", hostile, "/tmp/"+hostile)
	for _, format := range CheckFormats() {
		t.Run(format, func(t *testing.T) {
			was, is := render(t, format, good), render(t, format, bad)
			if lineCount(was) != lineCount(is) {
				t.Errorf("%d lines became %d", lineCount(was), lineCount(is))
			}
			for _, r := range string(is) {
				if r != '\n' && !unicode.IsPrint(r) {
					t.Errorf("it holds %q", r)
				}
			}
			if format != "json" && bytes.Contains(is, []byte("##[")) {
				t.Error("it holds a command of the runner")
			}
		})
	}
}

func TestGitHubCommandsAreOurs(t *testing.T) {
	r := failing(t, "p,1:2%.json", "run.json", hostile, "/tmp/"+hostile)
	out := string(render(t, "github", r))
	commands := 0
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "::") {
			continue
		}
		commands++
		head, _, ok := strings.Cut(strings.TrimPrefix(line, "::"), "::")
		if !ok {
			t.Errorf("no data: %s", line)
		}
		level, props, _ := strings.Cut(head, " ")
		if !slices.Contains([]string{"error", "warning", "notice"}, level) {
			t.Errorf("a command of its own: %s", line)
		}
		for prop := range strings.SplitSeq(props, ",") {
			if key, _, _ := strings.Cut(prop, "="); !slices.Contains([]string{"file", "line", "title"}, key) {
				t.Errorf("property %q: %s", key, line)
			}
		}
	}
	if commands != len(r.Findings) {
		t.Errorf("%d commands for %d findings", commands, len(r.Findings))
	}
	if !strings.Contains(out, "file=p%2C1%3A2%25.json,line=8,") { // swapon's
		t.Error("no property is escaped")
	}
}

func TestJUnitIsXMLAndCounts(t *testing.T) {
	data := render(t, "junit", failing(t, "p.json", "run.json", hostile, "/tmp/"+hostile))
	var out junitSuites
	if err := xml.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	tests, failures := 0, 0
	for _, s := range out.Suites {
		for _, c := range s.Cases {
			tests++
			if c.Failure != nil {
				failures++
			}
		}
		if s.Tests != len(s.Cases) {
			t.Errorf("suite %s: %d tests, %d cases", s.Name, s.Tests, len(s.Cases))
		}
	}
	if out.Tests != tests || out.Failures != failures || failures != 8 {
		t.Errorf("%d of %d, counted %d of %d", out.Failures, out.Tests, failures, tests)
	}
	dec := xml.NewDecoder(bytes.NewReader(data))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "script" {
			t.Error("a workload made an element")
		}
	}
}

func TestMarkdownTablesKeepTheirShape(t *testing.T) {
	for _, word := range []string{hostile, "a|b", `a\|b`, `\`, "`", "``", "</code>", "&#124;", "_x_", "**", "http://a", "www.a.b", "~~a~~", "$x$", ":smile:"} {
		out := string(render(t, "markdown", failing(t, "p.json", "run.json", word, "/"+word)))
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, "|") && strings.Count(line, "|") != 5 {
				t.Errorf("%q: a row of %d cells: %s", word, strings.Count(line, "|")-1, line)
			}
			inside := line
			for _, ours := range []string{"<code>", "</code>", "<br>"} {
				inside = strings.ReplaceAll(inside, ours, "")
			}
			if strings.ContainsAny(inside, "<>`") || strings.Contains(inside, "://") || strings.Contains(inside, "www.") {
				t.Errorf("%q: markup: %s", word, line)
			}
		}
	}
}

func TestDiffAndExplain(t *testing.T) {
	e := evidence(t, "run.json", hostile, "/tmp/"+hostile)
	p, err := policy.Parse(strings.NewReader(profileText))
	if err != nil {
		t.Fatal(err)
	}
	f, err := gate.FilterOfPolicy("a.json", p, nil)
	if err != nil {
		t.Fatal(err)
	}
	empty, err := gate.FilterOfPolicy("b.json", &policy.Policy{DefaultAction: "SCMP_ACT_KILL"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := gate.Compare(gate.Side{Source: "a.json", Filter: f}, gate.Side{Source: "b.json", Filter: empty})
	seen := gate.Compare(gate.Side{Source: "a.json", Evidence: gate.NewEvidence()}, gate.Side{Source: "b.json", Evidence: e})
	for _, d := range []*gate.Diff{d, seen} {
		for i := range d.Changes {
			if d.Changes[i].Danger != nil {
				d.Changes[i].Danger = dangerOfSample(d.Changes[i].Name)
			}
		}
	}
	for _, format := range DiffFormats() {
		for name, d := range map[string]*gate.Diff{"profiles": d, "recordings": seen, "equal": {A: "a.json", B: "b.json"}} {
			data, err := Diff(format, d)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "diff-"+name+"."+format, data)
		}
	}
}

func TestExplainGolden(t *testing.T) {
	e := evidence(t, "run.json", "web", "/usr/bin/web")
	for _, name := range []string{"ptrace", "swapon", "futex"} {
		x, err := gate.Explain(e, name, exporter.Options{}, filterFor(t, e, "profile.json"))
		if err != nil {
			t.Fatal(err)
		}
		x.Danger = *dangerOfSample(name)
		for _, format := range ExplainFormats() {
			data, err := Explain(format, x)
			if err != nil {
				t.Fatal(err)
			}
			if format == "json" && !json.Valid(data) {
				t.Errorf("%s: no JSON", name)
			}
			if name != "futex" { // its text counts measured starts, which change with the baselines
				golden(t, "explain-"+name+"."+format, data)
			}
		}
	}
}

// FuzzMarkdown: what a workload says never has a mark in it.
func FuzzMarkdown(f *testing.F) {
	f.Add(hostile)
	f.Fuzz(func(t *testing.T, s string) {
		if out := markdown(s); strings.ContainsAny(out, "|`<>*_[]\\\n\r~$@:!") {
			t.Errorf("%q became %q", s, out)
		}
		if out := commandProperty(s); strings.ContainsAny(out, "\r\n:,") {
			t.Errorf("%q became %q", s, out)
		}
	})
}
