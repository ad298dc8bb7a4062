package gate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/severity"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Options say what a check demands.
type Options struct {
	// Phases whose calls the profile must allow; none means all but setup, and
	// handover only if Handover says so.
	Phases []string
	// OnlyDenied demands the calls of denial reports alone: recordings tell then why these are missing.
	OnlyDenied bool
	// Handover demands the runtime's own calls: the profile is for one.
	Handover bool
	// Unused fails a profile that allows what was never seen.
	Unused bool
	// Require are phases that a recording must have reached.
	Require []string
	// AllowIncomplete makes a warning of a recording that misses calls.
	AllowIncomplete bool
	// MinCoverage is the estimated share of calls, 0 to 1, that must have been seen.
	MinCoverage float64
}

// Result is what a check found.
type Result struct {
	Profile    string // source
	Recordings int
	Duplicates int
	Workloads  []string
	// Reports is the number of denial reports, and DeniedTo are the workloads in them.
	Reports  int
	DeniedTo []string
	Phases   []string // reached
	Required []string
	ABIs     []string
	// Calls are all that the profile had to allow, the most frequent first.
	Calls    []Verdict
	Findings []Finding // the gravest first
	Coverage []Coverage
	// MinCoverage is what was demanded of it.
	MinCoverage float64
	// Summary is what the profile allows, a line for each ABI.
	Summary []string
	// Baseline counts the entries that --unused passed over: needed by the runtime, the base or
	// another C library. Set only if asked for.
	Baseline int
	Unused   bool
	// Next are the steps that would make the check pass.
	Next []string
}

// Verdict is one call and what the profile does with it.
type Verdict struct {
	Call    Call
	Outcome Outcome
}

// Failed tells whether anything fails the check.
func (r *Result) Failed() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Level == Error })
}

// OnlyIncomplete tells whether all that fails it are recordings that miss calls.
func (r *Result) OnlyIncomplete() bool {
	return r.Failed() && !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Level == Error && f.Kind != Unrecorded })
}

// Count is the number of findings of a kind.
func (r *Result) Count(kind Kind) (n int) {
	for i := range r.Findings {
		if r.Findings[i].Kind == kind {
			n++
		}
	}
	return n
}

// Check holds the filter against the evidence.
func Check(f *Filter, e *Evidence, opts Options) (*Result, error) {
	r := &Result{
		Profile: f.Source, Recordings: e.Recordings(), Duplicates: e.duplicates, Workloads: e.Workloads(),
		Reports: e.denials.reports, DeniedTo: e.denials.to(), Phases: e.Phases(), Required: opts.Require, ABIs: f.ABIs, Unused: opts.Unused, MinCoverage: opts.MinCoverage,
	}
	for _, abi := range e.abis() {
		if slices.Contains(f.ABIs, abi) {
			r.Summary = append(r.Summary, severity.Summary(f.passing(abi), abi))
		}
	}
	r.judge(f, e, opts)
	if err := r.judgeDenied(f, e); err != nil {
		return nil, err
	}
	if err := r.requirements(e, opts); err != nil {
		return nil, err
	}
	if opts.Unused {
		if err := r.unused(f, e, opts); err != nil {
			return nil, err
		}
	}
	rank(r.Findings)
	return r, nil
}

// judge asks the filter for each call of the demanded phases.
func (r *Result) judge(f *Filter, e *Evidence, opts Options) {
	for _, call := range e.Calls() {
		c, ok := call.In(opts.demands)
		if !ok || opts.OnlyDenied {
			continue
		}
		o := f.Judge(c.ABI, c.Nr, c.Name)
		r.Calls = append(r.Calls, Verdict{c, o})
		if found := judged(f, &c, o); found != nil {
			r.Findings = append(r.Findings, *found)
		}
	}
}

// demands tells whether the profile must allow the calls of a phase.
func (o *Options) demands(phase string) bool {
	switch {
	case phase == recording.PhaseSetup:
		return false
	case phase == recording.PhaseHandover:
		return o.Handover
	}
	return len(o.Phases) == 0 || slices.Contains(o.Phases, phase)
}

func judged(f *Filter, c *Call, o Outcome) *Finding {
	if o == Passes {
		return nil
	}
	found := &Finding{Kind: Missing, Level: Error, Subject: c.Title(), Call: c, ABIs: []string{c.ABI}, Line: f.line(c.Name)}
	if c.Name == "" {
		found.Kind = Unnamed
		found.Text = fmt.Sprintf("call %d of %s has no name here, so no profile can allow it: %s", c.Nr, c.ABI, c.Evidence())
		found.Next = "update scallop, or leave out its phase with --phases"
		return found
	}
	danger := severity.Of(c.Name)
	found.Danger = &danger
	switch o {
	case Foreign:
		found.Text = fmt.Sprintf("%s (%s) is denied, the profile is for %s only: %s", c.Name, c.ABI, exporter.Enumerate(f.ABIs), c.Evidence())
	case Depends:
		found.Kind, found.Level = Conditional, Note
		found.Text = fmt.Sprintf("%s (%s) is allowed for some arguments only, which recordings do not hold (%s): %s",
			c.Name, c.ABI, f.answer(c.ABI, c.Name), c.Evidence())
		found.Next = "run the workload under the profile: scallop verify"
	default:
		found.Text = fmt.Sprintf("%s (%s) is denied with %s: %s", c.Name, c.ABI, f.answer(c.ABI, c.Name), c.Evidence())
	}
	return found
}

func (f *Filter) line(name string) int {
	if f.Lines == nil {
		return 0
	}
	return max(1, f.Lines[name])
}

// Evidence is e.g. "steady 3, startup 1; first by nginx (/usr/sbin/nginx, pid 10) in startup of a.json".
func (c *Call) Evidence() string {
	var counts []string
	for _, p := range c.Phases {
		counts = append(counts, fmt.Sprintf("%s %d", cmp.Or(p.Phase, "phase not known"), p.Count))
	}
	phase, first := c.First()
	if phase != "" {
		phase = " in " + phase
	}
	return strings.Join(counts, ", ") + "; first by " + first.By() + phase + " of " + recording.CleanString(first.Source)
}

// By is who made the call, e.g. "nginx (/usr/sbin/nginx, pid 10)".
func (f First) By() string {
	who := recording.CleanString(f.Comm)
	if who == "" {
		who = "an unknown process"
	}
	var more []string
	if f.Exe != "" {
		more = append(more, recording.CleanString(f.Exe))
	}
	if f.PID != 0 {
		more = append(more, fmt.Sprintf("pid %d", f.PID))
	}
	if len(more) == 0 {
		return who
	}
	return who + " (" + strings.Join(more, ", ") + ")"
}
