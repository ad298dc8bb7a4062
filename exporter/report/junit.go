package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"slices"

	"github.com/scallop-sec/scallop/exporter/gate"
)

// The elements of JUnit's XML that GitHub's actions, GitLab and Jenkins read.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		File    string        `xml:"file,attr,omitempty"`
		Failure *junitFailure `xml:"failure"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// junit has a test for each call that was seen, and one for each other demand.
func junit(r *gate.Result) ([]byte, error) {
	out := junitSuites{Name: "scallop check"}
	out.add(junitSuite{Name: "profile covers recordings", Cases: callCases(r)})
	out.add(junitSuite{Name: "recordings are deep enough", Cases: depthCases(r)})
	if r.Unused {
		out.add(junitSuite{Name: "profile allows no more", Cases: unusedCases(r)})
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(&b)
	enc.Indent("", "  ")
	if err := enc.Encode(out); err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

func (s *junitSuites) add(suite junitSuite) {
	suite.Tests = len(suite.Cases)
	for _, c := range suite.Cases {
		if c.Failure != nil {
			suite.Failures++
		}
	}
	s.Tests += suite.Tests
	s.Failures += suite.Failures
	s.Suites = append(s.Suites, suite)
}

func callCases(r *gate.Result) []junitCase {
	findings := map[string]*gate.Finding{}
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Call != nil {
			findings[callID(f.Call)] = f
		}
	}
	var cases []junitCase
	for i := range r.Calls {
		c := &r.Calls[i].Call
		tc := junitCase{Class: "scallop.covers." + clean(c.ABI), Name: clean(c.Title()), File: clean(r.Profile)}
		cases = append(cases, tc.with(findings[callID(c)]))
	}
	return cases
}

func callID(c *gate.Call) string { return fmt.Sprintf("%s/%d", c.ABI, c.Nr) }

func (tc junitCase) with(f *gate.Finding) junitCase {
	switch {
	case f == nil:
	case f.Level == gate.Error:
		text := f.Text
		if f.Danger != nil {
			text += "\ndanger " + danger(f)
		}
		if f.Next != "" {
			text += "\n" + f.Next
		}
		tc.Failure = &junitFailure{Message: clean(f.Text), Type: string(f.Kind), Text: cleanLines(text)}
	default:
		tc.Out = fmt.Sprintf("%s: %s", f.Level, clean(f.Text))
	}
	return tc
}

// depthCases: a test for each demand, also if it is met.
func depthCases(r *gate.Result) []junitCase {
	cases := []junitCase{}
	for _, phase := range r.Required {
		i := slices.IndexFunc(r.Findings, func(f gate.Finding) bool { return f.Kind == gate.Unreached && f.Subject == phase })
		tc := junitCase{Class: "scallop.depth", Name: "phase " + clean(phase) + " is reached"}
		if i >= 0 {
			tc = tc.with(&r.Findings[i])
		}
		cases = append(cases, tc)
	}
	for _, k := range []struct {
		kind gate.Kind
		name string
	}{{gate.Unrecorded, "recordings are complete"}, {gate.Filtered, "recordings were made without a filter"}, {gate.Shallow, "coverage is high enough"}} {
		found := false
		for i := range r.Findings {
			if f := &r.Findings[i]; f.Kind == k.kind {
				found = true
				tc := junitCase{Class: "scallop.depth", Name: k.name + ": " + clean(f.Subject)}
				cases = append(cases, tc.with(f))
			}
		}
		if !found && (k.kind != gate.Shallow || r.MinCoverage > 0) {
			cases = append(cases, junitCase{Class: "scallop.depth", Name: k.name})
		}
	}
	return cases
}

func unusedCases(r *gate.Result) []junitCase {
	var cases []junitCase
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Kind == gate.Unused {
			tc := junitCase{Class: "scallop.unused", Name: clean(f.Subject), File: clean(r.Profile)}
			cases = append(cases, tc.with(f))
		}
	}
	if len(cases) == 0 {
		cases = append(cases, junitCase{Class: "scallop.unused", Name: "every allowed call was seen, or is needed by the runtime"})
	}
	return cases
}
