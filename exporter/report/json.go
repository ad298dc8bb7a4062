package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode"
	"unicode/utf16"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/gate"
	"github.com/scallop-sec/scallop/exporter/severity"
)

// apiVersion heads every JSON report; kind tells them apart.
const apiVersion = "scallop/v1"

type jsonHead struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

type jsonCheck struct {
	jsonHead
	Passed     bool           `json:"passed"`
	Headline   string         `json:"headline"`
	Profile    string         `json:"profile"`
	Recordings int            `json:"recordings"`
	Duplicates int            `json:"duplicates"`
	Reports    int            `json:"denialReports"`
	DeniedTo   []string       `json:"deniedTo"`
	Workloads  []string       `json:"workloads"`
	Phases     []string       `json:"phases"`
	Required   []string       `json:"requiredPhases"`
	Summary    []string       `json:"summary"`
	Coverage   []jsonCoverage `json:"coverage"`
	Calls      int            `json:"calls"`
	Baseline   *int           `json:"unseenBaseline,omitempty"`
	Findings   []jsonFinding  `json:"findings"`
	Next       []string       `json:"next"`
}

type jsonCoverage struct {
	Workload string  `json:"workload"`
	Share    float64 `json:"share"`
	Of       string  `json:"of"`
	Text     string  `json:"text"`
}

type jsonFinding struct {
	ID      string      `json:"id"`
	Kind    string      `json:"kind"`
	Level   string      `json:"level"`
	Subject string      `json:"subject"`
	Text    string      `json:"text"`
	Next    string      `json:"next,omitempty"`
	Line    int         `json:"line,omitempty"`
	ABIs    []string    `json:"abis,omitempty"`
	Danger  *jsonDanger `json:"danger,omitempty"`
	Call    *jsonCall   `json:"call,omitempty"`
	Denial  *jsonDenial `json:"denial,omitempty"`
}

// jsonDenial is what denial reports say of a call.
type jsonDenial struct {
	Count   uint64   `json:"count"`
	Actions []string `json:"actions"`
	Cause   string   `json:"cause"`
	Why     string   `json:"why"`
}

type jsonDanger struct {
	Class  string `json:"class"`
	Level  string `json:"level"`
	Reason string `json:"reason"`
}

type jsonCall struct {
	ABI    string      `json:"abi"`
	Nr     int         `json:"nr"`
	Name   string      `json:"name"`
	Count  uint64      `json:"count"`
	Phases []jsonPhase `json:"phases"`
}

type jsonPhase struct {
	Phase      string    `json:"phase"`
	Count      uint64    `json:"count"`
	Recordings int       `json:"recordings"`
	First      jsonFirst `json:"first"`
}

type jsonFirst struct {
	Recording string `json:"recording"`
	Workload  string `json:"workload"`
	OffsetNs  int64  `json:"offsetNs"`
	Comm      string `json:"comm"`
	Exe       string `json:"exe"`
	PID       int    `json:"pid"`
}

func checkJSON(r *gate.Result) ([]byte, error) {
	out := jsonCheck{
		jsonHead: jsonHead{apiVersion, "CheckResult"}, Passed: !r.Failed(), Headline: Headline(r), Profile: r.Profile,
		Recordings: r.Recordings, Duplicates: r.Duplicates, Reports: r.Reports, DeniedTo: some(r.DeniedTo), Workloads: some(r.Workloads), Phases: some(r.Phases),
		Required: some(r.Required), Summary: some(r.Summary), Calls: len(r.Calls), Coverage: []jsonCoverage{}, Findings: []jsonFinding{}, Next: some(r.Next),
	}
	if r.Unused {
		out.Baseline = &r.Baseline
	}
	for _, c := range r.Coverage {
		out.Coverage = append(out.Coverage, jsonCoverage{c.Workload, c.Share, c.Of, c.Text})
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		out.Findings = append(out.Findings, jsonFinding{
			ID: f.ID(), Kind: string(f.Kind), Level: f.Level.String(), Subject: f.Subject, Text: f.Text, Next: f.Next,
			Line: f.Line, ABIs: f.ABIs, Danger: dangerOf(f.Danger), Call: callOf(f.Call),
			Denial: denialOf(f.Denial),
		})
	}
	return encode(out)
}

func dangerOf(e *severity.Entry) *jsonDanger {
	if e == nil {
		return nil
	}
	return &jsonDanger{string(e.Class), e.Level.String(), e.Reason}
}

func denialOf(d *gate.Denial) *jsonDenial {
	if d == nil {
		return nil
	}
	return &jsonDenial{d.Count, d.Actions, string(d.Cause), d.Why}
}

func callOf(c *gate.Call) *jsonCall {
	if c == nil {
		return nil
	}
	out := &jsonCall{ABI: c.ABI, Nr: c.Nr, Name: c.Name, Count: c.Count(), Phases: []jsonPhase{}}
	for _, p := range c.Phases {
		out.Phases = append(out.Phases, jsonPhase{p.Phase, p.Count, p.Recordings, jsonFirst{
			p.First.Source, p.First.Workload, p.First.OffsetNs, p.First.Comm, p.First.Exe, p.First.PID,
		}})
	}
	return out
}

type jsonDiff struct {
	jsonHead
	A       string       `json:"a"`
	B       string       `json:"b"`
	Equal   bool         `json:"equal"`
	Changes []jsonChange `json:"changes"`
}

type jsonChange struct {
	Kind     string      `json:"kind"`
	Subject  string      `json:"subject"`
	Name     string      `json:"name"`
	ABI      string      `json:"abi,omitempty"`
	Before   string      `json:"before,omitempty"`
	After    string      `json:"after,omitempty"`
	Evidence []string    `json:"evidence,omitempty"`
	Danger   *jsonDanger `json:"danger,omitempty"`
}

func diffJSON(d *gate.Diff) ([]byte, error) {
	out := jsonDiff{jsonHead: jsonHead{apiVersion, "Diff"}, A: d.A, B: d.B, Equal: len(d.Changes) == 0, Changes: []jsonChange{}}
	for _, c := range d.Changes {
		out.Changes = append(out.Changes, jsonChange{
			string(c.Kind), string(c.Subject), c.Name, c.ABI, c.Before, c.After, c.Evidence, dangerOf(c.Danger),
		})
	}
	return encode(out)
}

type jsonExplanation struct {
	jsonHead
	Name    string       `json:"name"`
	Verdict string       `json:"verdict"`
	In      bool         `json:"inProfile"`
	Numbers []jsonNumber `json:"numbers"`
	Danger  *jsonDanger  `json:"danger"`
	Docker  string       `json:"dockerDefault"`
	Reasons []jsonReason `json:"reasons"`
	Calls   []*jsonCall  `json:"calls"`
	Unknown []string     `json:"unknown"`
	Profile string       `json:"profile,omitempty"`
	Answers []jsonAnswer `json:"answers,omitempty"`
}

type jsonNumber struct {
	ABI string `json:"abi"`
	Nr  int    `json:"nr"`
}

type jsonReason struct {
	Reason string `json:"reason"`
	Text   string `json:"text"`
}

type jsonAnswer struct {
	ABI     string   `json:"abi"`
	Outcome string   `json:"outcome"`
	Action  string   `json:"action"`
	Reasons []string `json:"reasons"`
}

func explainJSON(x *gate.Explanation) ([]byte, error) {
	out := jsonExplanation{
		jsonHead: jsonHead{apiVersion, "Explanation"}, Name: x.Name, Verdict: x.Verdict, In: x.In,
		Numbers: []jsonNumber{}, Danger: dangerOf(&x.Danger), Docker: x.Danger.Docker.When,
		Reasons: reasonsOf(x.Reasons), Calls: []*jsonCall{}, Unknown: some(x.Unknown), Profile: x.Profile,
	}
	for _, n := range x.Numbers {
		out.Numbers = append(out.Numbers, jsonNumber(n))
	}
	for i := range x.Calls {
		out.Calls = append(out.Calls, callOf(&x.Calls[i]))
	}
	for _, a := range x.Answers {
		out.Answers = append(out.Answers, jsonAnswer{a.ABI, string(a.Outcome), a.Action, some(a.Reasons)})
	}
	return encode(out)
}

func reasonsOf(list []exporter.Evidence) []jsonReason {
	out := []jsonReason{}
	for _, ev := range list {
		out = append(out, jsonReason{string(ev.Reason), ev.Text})
	}
	return out
}

func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	return visible(b.Bytes()), nil
}

// visible escapes what a terminal or an editor would act on and JSON leaves as it is, as direction marks.
func visible(data []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(data) {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}
