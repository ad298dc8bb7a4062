package gate

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/policy"
)

// held are the findings of calls that wait for a person to accept them.
func (r *Result) held(accept []string) []Finding {
	var list []Finding
	for _, f := range r.Findings {
		if f.Kind == Missing && f.Denial != nil && f.danger().Dangerous() && !slices.Contains(accept, f.Subject) {
			list = append(list, f)
		}
	}
	return list
}

// without are the names that no rule has.
func without(names map[string]bool, rules []policy.Rule) map[string]bool {
	rest := map[string]bool{}
	for name := range names {
		if !slices.ContainsFunc(rules, func(r policy.Rule) bool { return slices.Contains(r.Names, name) }) {
			rest[name] = true
		}
	}
	return rest
}

// deniedRules allow what only denials show: a rule for each call, with its evidence as the comment.
func (r *Result) deniedRules(names map[string]bool, comments bool) []policy.Rule {
	var rules []policy.Rule
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Kind != Missing || f.Denial == nil || !names[f.Subject] {
			continue
		}
		names[f.Subject] = false // one rule is for every ABI
		comment := ""
		if comments {
			comment = string(exporter.Denied) + ": " + f.Call.Evidence() + "; " + f.Denial.reason()
		}
		for _, args := range f.argsOf() {
			rules = append(rules, policy.Rule{Names: []string{f.Subject}, Action: specs.ActAllow, Args: args, Comment: comment})
		}
	}
	return rules
}

// argsOf are the alternatives of arguments to allow: one without any condition for all but a few siblings.
func (f *Finding) argsOf() [][]policy.Arg {
	if f.Denial.condition == nil {
		return [][]policy.Arg{nil}
	}
	var list [][]policy.Arg
	for _, args := range f.Denial.condition.Args(f.Call.ABI) {
		var alternative []policy.Arg
		for _, a := range args {
			alternative = append(alternative, policy.Arg{LinuxSeccompArg: a})
		}
		list = append(list, alternative)
	}
	return list
}
