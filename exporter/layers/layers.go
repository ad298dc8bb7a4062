// Package layers puts a workload's profile on a common one ("global deny, local allow"), keeps it
// within another, and finds what the workloads of a fleet have in common. Profiles are data, as
// package policy reads them: rules keep their conditions on arguments, capabilities and kernels.
package layers

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter/policy"
)

// Layer is a profile with the name that people know it by, e.g. docker-default.
type Layer struct {
	Name   string
	Policy *policy.Policy
}

// Report is how two layers went together: names of calls, each list sorted.
type Report struct {
	// Layer is the name of the profile that the local one was put on or kept within.
	Layer string
	// Holds counts the calls that the layer allows.
	Holds int
	// Shared are those that both allow.
	Shared []string
	// Unused are those that the layer allows and the local profile does not; Kept tells whether
	// they are allowed in the result.
	Unused []string
	Kept   bool
	// Local are those that only the local profile allows: beyond a base, or outside of a bound,
	// where they are not in the result.
	Local []string
	// Conditional are shared ones that the layer allows under conditions, which were kept.
	Conditional []string
}

// calls sorts the rules of a profile by the name of the call.
type calls struct {
	policy *policy.Policy
	rules  map[string][]*policy.Rule
}

func callsOf(p *policy.Policy) *calls {
	c := &calls{p, map[string][]*policy.Rule{}}
	for i := range p.Rules {
		for _, name := range p.Rules[i].Names {
			c.rules[name] = append(c.rules[name], &p.Rules[i])
		}
	}
	return c
}

func allows(action specs.LinuxSeccompAction) bool {
	return action == specs.ActAllow || action == specs.ActLog
}

// permits tells whether some use of the call is allowed, on some host.
func (c *calls) permits(name string) bool {
	rules := c.rules[name]
	if len(rules) == 0 {
		return allows(c.policy.DefaultAction)
	}
	return slices.ContainsFunc(rules, func(r *policy.Rule) bool { return allows(r.Action) })
}

// always tells whether every use of the call is allowed, on every host.
func (c *calls) always(name string) bool {
	rules := c.rules[name]
	if len(rules) == 0 {
		return allows(c.policy.DefaultAction)
	}
	return !slices.ContainsFunc(rules, func(r *policy.Rule) bool { return !allows(r.Action) || conditional(r) })
}

func conditional(r *policy.Rule) bool {
	return len(r.Args) > 0 || holds(r.Includes) || holds(r.Excludes)
}

func holds(f *policy.Filter) bool {
	return f != nil && (len(f.Caps) > 0 || len(f.Arches) > 0 || f.MinKernel != nil || len(f.Extra) > 0)
}

// permitted are the names of the calls that a rule permits, sorted.
func (c *calls) permitted() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(c.rules)), func(name string) bool { return !c.permits(name) })
}

// compare sorts the calls of both into a report.
func compare(local *calls, layer *calls, name string) *Report {
	r := &Report{Layer: name, Holds: len(layer.permitted())}
	for _, call := range local.permitted() {
		switch {
		case !layer.permits(call):
			r.Local = append(r.Local, call)
		case layer.always(call):
			r.Shared = append(r.Shared, call)
		default:
			r.Shared = append(r.Shared, call)
			r.Conditional = append(r.Conditional, call)
		}
	}
	for _, call := range layer.permitted() {
		if !local.permits(call) {
			r.Unused = append(r.Unused, call)
		}
	}
	return r
}

// checkDenies refuses a profile that lists what is denied: the result would allow by name
// what was meant to be allowed by default.
func checkDenies(name string, p *policy.Policy) error {
	if allows(p.DefaultAction) {
		return fmt.Errorf("%s allows by default (%s) and lists what it denies: give an allow-list", name, p.DefaultAction)
	}
	return nil
}

// without is the rule for those of its names that keep accepts; false if none is left.
func without(r *policy.Rule, keep func(string) bool) (policy.Rule, bool) {
	out := *r
	out.Names = slices.DeleteFunc(slices.Clone(r.Names), func(name string) bool { return !keep(name) })
	return out, len(out.Names) > 0
}

// commented adds where a rule is from to its comment.
func commented(r policy.Rule, layer string) policy.Rule {
	if !strings.HasPrefix(r.Comment, layer) {
		r.Comment = strings.TrimSuffix(layer+": "+r.Comment, ": ")
	}
	return r
}

// Allowed counts the calls that a profile allows, under conditions or without.
func Allowed(p *policy.Policy) int { return len(callsOf(p).permitted()) }
