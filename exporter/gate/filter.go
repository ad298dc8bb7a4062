package gate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Filter is a profile as a gate sees it: what happens to each call, and why the profile has it.
type Filter struct {
	// Source is what the user calls it.
	Source string
	// ABIs are those that the filter judges, sorted. Calls of others are killed, or not filtered at all.
	ABIs []string
	// Default is what happens to a call that no rule names; "" if it is not known, as of a recording.
	Default string
	// Rules are those of each name. They apply to every ABI of the filter that has the name.
	Rules map[string][]Rule
	// Reasoned tells whether the profile says of its entries why they are in.
	Reasoned bool
	// resolved are the verdicts by native ABI of the host; nil for a profile that only allows.
	resolved map[string]*policy.Resolved
	// Lines are where names are in the file, for annotations; nil if that means nothing.
	Lines map[string]int
}

// Rule is what happens to a call, and when.
type Rule struct {
	// Action is SCMP_ACT_…, with the errno if it has one: "SCMP_ACT_ERRNO(38)".
	Action string
	// When is the condition, e.g. "if arg0 == 1" or "with CAP_SYS_ADMIN"; "" is always.
	When string
	// Hosts are the native ABIs of hosts on which the rule is in force; nil is all.
	Hosts []string
	// Comment is what the profile says of the rule.
	Comment string
	// Reasons are those of the entry, strongest first: empty if the profile has none.
	Reasons []exporter.Evidence
}

// Allow is the action of a call that passes.
const Allow = "SCMP_ACT_ALLOW"

// letsPass tells whether the kernel runs the call after all.
func letsPass(action string) bool { return action == Allow || action == "SCMP_ACT_LOG" }

// Outcome is what a filter does with a call, as far as that is known without its arguments.
type Outcome string

// The outcomes.
const (
	Passes  Outcome = "allowed"
	Depends Outcome = "allowed for some arguments"
	Denied  Outcome = "denied"
	Foreign Outcome = "denied, the profile is not for its ABI"
)

// Judge tells what happens to the call.
func (f *Filter) Judge(abi string, nr int, name string) Outcome {
	switch {
	case !slices.Contains(f.ABIs, abi):
		return Foreign
	case f.resolved != nil:
		return f.resolve(abi, nr)
	case len(f.Rules[name]) > 0:
		return Passes
	}
	return Denied
}

// resolve asks what libseccomp makes of the rules.
func (f *Filter) resolve(abi string, nr int) Outcome {
	r := f.resolved[hostOf(abi)]
	if r == nil {
		return Foreign
	}
	pass, deny := 0, 0
	count := func(o policy.Outcome) {
		if o.Permits() {
			pass++
		} else {
			deny++
		}
	}
	always := false
	for _, c := range r.Clauses(syscalls.ABI(abi), nr) {
		count(c.Outcome)
		always = len(c.Conditions) == 0
	}
	if !always {
		count(r.Unlisted(syscalls.ABI(abi), nr))
	}
	return outcome(pass, deny)
}

// rules are those in force for the call, those without a condition first.
func (f *Filter) rules(abi, name string) []Rule {
	var list []Rule
	for _, r := range f.Rules[name] {
		if r.Hosts == nil || slices.Contains(r.Hosts, hostOf(abi)) {
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b Rule) int { return cmp.Compare(b2i(a.When != ""), b2i(b.When != "")) })
	return list
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// hostOf is the native ABI of hosts that run an ABI.
func hostOf(abi string) string {
	switch abi {
	case "x86", "x32":
		return "x86_64"
	case "arm":
		return "aarch64"
	}
	return abi
}

func outcome(pass, deny int) Outcome {
	switch {
	case deny == 0:
		return Passes
	case pass == 0:
		return Denied
	}
	return Depends
}

// Names are those that the filter lets pass in some ABI, if only for some arguments, sorted.
func (f *Filter) Names() []string {
	var names []string
	for _, abi := range f.ABIs {
		names = append(names, f.passing(abi)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// passing are those of one ABI. A profile that allows by default has all names.
func (f *Filter) passing(abi string) []string {
	var names []string
	for name := range f.Rules {
		if nr, ok := syscalls.Number(syscalls.ABI(abi), name); ok {
			if o := f.Judge(abi, nr, name); o == Passes || o == Depends {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// maxAnswer bounds how many conditions a sentence holds: Docker's default has thirty for socket.
const maxAnswer = 3

// answer is e.g. "SCMP_ACT_ERRNO(38)", or the conditions of all rules and what happens else.
func (f *Filter) answer(abi, name string) string {
	var parts []string
	for _, r := range f.rules(abi, name) {
		if r.When == "" {
			return r.Action
		}
		parts = append(parts, r.Action+" "+r.When)
	}
	if len(parts) == 0 {
		return cmp.Or(f.Default, "no rule")
	}
	if rest := len(parts) - maxAnswer; rest > 0 {
		parts = append(parts[:maxAnswer], fmt.Sprintf("%d more conditions", rest))
	}
	return strings.Join(append(parts, "else "+f.Default), "; ")
}

// Action writes an action as a Rule has it.
func Action(action string, errno *uint) string {
	if errno == nil {
		return action
	}
	return fmt.Sprintf("%s(%d)", action, *errno)
}

// FilterOf is a profile that the exporter built.
func FilterOf(source string, p *exporter.Profile) *Filter {
	f := &Filter{Source: source, Rules: map[string][]Rule{}, Reasoned: true}
	for _, c := range exporter.Cover(p) {
		f.ABIs = append(f.ABIs, c.ABI)
	}
	slices.Sort(f.ABIs)
	for i := range p.Entries {
		e := &p.Entries[i]
		f.Rules[e.Name] = []Rule{{Action: Allow, Reasons: e.Reasons}}
	}
	return f
}

// ForRuntime tells whether a container's runtime loads the profile, so that it must allow the runtime's own
// calls: that is so unless the profile gives reasons and none is the handover.
func (f *Filter) ForRuntime() bool {
	if !f.Reasoned {
		return true
	}
	for _, rules := range f.Rules {
		for _, r := range rules {
			for _, ev := range r.Reasons {
				if ev.Reason == exporter.Handover {
					return true
				}
			}
		}
	}
	return false
}

// Lines finds the line of each name in a profile's file: the first that holds it, quoted.
func Lines(data []byte) map[string]int {
	lines := map[string]int{}
	for i, line := range strings.Split(string(data), "\n") {
		for j, part := range strings.Split(line, `"`) {
			if _, ok := lines[part]; !ok && j%2 == 1 {
				lines[part] = i + 1
			}
		}
	}
	return lines
}
