package gate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/severity"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Explanation is all that is known of one call in some recordings, and in a profile.
type Explanation struct {
	Name string
	// Numbers by ABI, of the ABIs that matter here.
	Numbers []Number
	Danger  severity.Entry
	// Verdict is whether a profile of the recordings has the call, in a sentence.
	Verdict string
	In      bool
	// Reasons are those that the exporter gives for it, strongest first.
	Reasons []exporter.Evidence
	// Calls is what was seen, one for each ABI, setup included.
	Calls []Call
	// Unknown says what "not seen" is worth, a sentence each.
	Unknown []string
	// Answers are what a given profile does with it, one for each ABI.
	Answers []Answer
	Profile string
}

// Number is a call's number in an ABI.
type Number struct {
	ABI string
	Nr  int
}

// Answer is what a profile does with the call in one ABI.
type Answer struct {
	ABI     string
	Outcome Outcome
	// Action is what the filter does, with conditions.
	Action  string
	Reasons []string
}

// Explain says why the named call is in a profile of the evidence, or not. f may be nil.
func Explain(e *Evidence, name string, opts exporter.Options, f *Filter) (*Explanation, error) {
	opts.AllowIncomplete = true // the explanation says what is missing
	p, err := e.build(opts, named)
	if err != nil {
		return nil, err
	}
	x := &Explanation{Name: name, Danger: severity.Of(name)}
	for _, c := range e.Calls() {
		if c.Name == name {
			x.Calls = append(x.Calls, c)
		}
	}
	x.Numbers = numbers(name, e.abis())
	if i := slices.IndexFunc(p.Entries, func(en exporter.Entry) bool { return en.Name == name }); i >= 0 {
		x.In, x.Reasons = true, p.Entries[i].Reasons
	}
	x.Unknown = e.unknown(x)
	x.Verdict = x.verdict(p)
	if f != nil {
		x.ask(f)
	}
	return x, nil
}

// abis are the hosts' own and all that calls were seen in.
func (e *Evidence) abis() []string {
	seen := map[string]bool{}
	for arch := range e.kernels {
		seen[arch] = true
	}
	for _, f := range e.folds {
		for call := range f.calls {
			seen[call.abi] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

func numbers(name string, abis []string) []Number {
	var list []Number
	for _, abi := range abis {
		if nr, ok := syscalls.Number(syscalls.ABI(abi), name); ok {
			list = append(list, Number{abi, nr})
		}
	}
	return list
}

func (x *Explanation) verdict(p *exporter.Profile) string {
	switch {
	case x.In:
		var reasons []string
		for _, ev := range x.Reasons {
			reasons = append(reasons, string(ev.Reason))
		}
		return "in a profile of these recordings: " + exporter.Enumerate(slices.Compact(reasons))
	case len(x.Numbers) == 0:
		return "not in a profile of these recordings: none of their ABIs has it"
	case len(x.Calls) == 0:
		return "not in a profile of these recordings: never seen"
	}
	var phases []string
	for _, c := range x.Calls {
		for _, part := range c.Phases {
			phases = append(phases, part.Phase)
		}
	}
	phases = inLifeOrder(phases)
	phases = slices.Compact(phases)
	if slices.Equal(phases, []string{recording.PhaseSetup}) {
		return "not in a profile of these recordings: seen in setup only, before a filter is loaded"
	}
	return fmt.Sprintf("not in a profile of these recordings: seen in %s, and exported is %s", exporter.Enumerate(phases), orNothing(p.Phases))
}

// unknown says what "not seen" is worth: all that could hide a call, if it is not seen everywhere.
func (e *Evidence) unknown(x *Explanation) []string {
	if x.observed() {
		return nil
	}
	var list []string
	for _, phase := range inLifeOrder(slices.Collect(maps.Keys(e.unreached))) {
		if !e.reached[phase] {
			list = append(list, fmt.Sprintf("phase %s was not reached in any recording: what is called there is unknown", phase))
		} else {
			list = append(list, fmt.Sprintf("phase %s was not reached in %d of %d recordings", phase, e.unreached[phase], e.Recordings()))
		}
	}
	for _, in := range e.incomplete {
		list = append(list, fmt.Sprintf("%s is incomplete: %s", recording.CleanString(in.Source), recording.CleanString(strings.Join(in.Why, "; "))))
	}
	for _, reason := range slices.Sorted(maps.Keys(e.losses)) {
		if n := e.losses[reason]; n > 0 {
			list = append(list, fmt.Sprintf("%d lost (%s): this call may be among them", n, reason))
		}
	}
	for _, source := range e.filtered {
		list = append(list, recording.CleanString(source)+" was recorded under a seccomp filter: if that denies the call, it could not be seen")
	}
	if len(list) == 0 {
		list = append(list, fmt.Sprintf("the recordings are complete, and reached %s: the call was not made in them", orNothing(e.Phases())))
	}
	return list
}

// observed tells whether the workload made the call.
func (x *Explanation) observed() bool {
	return slices.ContainsFunc(x.Calls, func(c Call) bool {
		_, ok := c.In(func(phase string) bool { return notSetup(phase) && phase != recording.PhaseHandover })
		return ok
	})
}

// ask adds what the filter does, for each ABI that has the call.
func (x *Explanation) ask(f *Filter) {
	x.Profile = f.Source
	for _, n := range x.Numbers {
		o, rules := f.Judge(n.ABI, n.Nr, x.Name), f.rules(n.ABI, x.Name)
		a := Answer{ABI: n.ABI, Outcome: o, Action: f.answer(n.ABI, x.Name)}
		for _, r := range rules {
			a.Reasons = append(a.Reasons, r.why(func(exporter.Reason) bool { return true })...)
		}
		slices.Sort(a.Reasons)
		a.Reasons = slices.Compact(a.Reasons)
		if len(rules) == 0 && o != Foreign {
			a.Reasons = append(a.Reasons, "no rule names it: "+cmp.Or(f.Default, "the default")+" applies")
		}
		x.Answers = append(x.Answers, a)
	}
}
