package gate

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Proposal is a profile with which a check would find less.
type Proposal struct {
	Policy *policy.Policy
	// Added are the names that it allows and the old one does not, sorted.
	Added []string
	// Held are findings of dangerous calls that were denied, and that nobody accepted: they are not added.
	Held []Finding
	// Notes are what cannot be mended by adding a rule, a sentence each.
	Notes []string
}

// Propose makes the profile with which the check would find no missing and no unused call: what the old one has stays as it is, in its
// order. A dangerous call that was denied is added only if its name is accepted: what an attacker tried must
// not become a rule by itself.
func Propose(old *policy.Policy, e *Evidence, r *Result, accept []string) (*Proposal, error) {
	p := &Proposal{Held: r.held(accept)}
	missing := r.subjects(Missing)
	for i := range p.Held {
		delete(missing, p.Held[i].Subject)
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		if i := denial(old, name); i >= 0 {
			p.Notes = append(p.Notes, fmt.Sprintf("rule syscalls[%d] denies %s: change it by hand", i, name))
			delete(missing, name)
		}
	}
	// The OCI object has no comments.
	rules, err := e.rulesFor(missing, len(old.Architectures) == 0)
	if err != nil {
		return nil, err
	}
	rules = append(rules, r.deniedRules(without(missing, rules), len(old.Architectures) == 0)...)
	out := *old
	out.Rules = append(withoutNames(old.Rules, r.subjects(Unused)), rules...)
	addABIs(&out, r, missing)
	p.Policy, p.Added = &out, slices.Sorted(maps.Keys(missing))
	return p, nil
}

// subjects are the calls that findings of a kind are about.
func (r *Result) subjects(kind Kind) map[string]bool {
	names := map[string]bool{}
	for i := range r.Findings {
		if r.Findings[i].Kind == kind {
			names[r.Findings[i].Subject] = true
		}
	}
	return names
}

// denial is the rule that denies the named call for all arguments, or -1: libseccomp
// would not look at a later one.
func denial(p *policy.Policy, name string) int {
	return slices.IndexFunc(p.Rules, func(r policy.Rule) bool {
		return slices.Contains(r.Names, name) && len(r.Args) == 0 && !letsPass(string(r.Action)) && ruleAction(&r) != defaultAction(p)
	})
}

func withoutNames(rules []policy.Rule, names map[string]bool) []policy.Rule {
	var list []policy.Rule
	for _, r := range rules {
		had := len(r.Names)
		r.Names = slices.DeleteFunc(slices.Clone(r.Names), func(name string) bool { return names[name] })
		if len(r.Names) > 0 || had == 0 {
			list = append(list, r)
		}
	}
	return list
}

// rulesFor are the exporter's rules for these calls, grouped and commented as it does.
func (e *Evidence) rulesFor(names map[string]bool, comments bool) ([]policy.Rule, error) {
	if len(names) == 0 || len(e.folds) == 0 {
		return nil, nil
	}
	p, err := e.build(exporter.Options{Runtime: exporter.RuntimeNone, Portability: "none", AllowIncomplete: true}, named)
	if err != nil {
		return nil, err
	}
	p.Entries = slices.DeleteFunc(p.Entries, func(en exporter.Entry) bool { return !names[en.Name] })
	data, err := exporter.Docker(p, exporter.RenderOptions{})
	if err != nil {
		return nil, err
	}
	rendered, err := policy.Parse(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	for i := range rendered.Rules {
		if !comments {
			rendered.Rules[i].Comment = ""
		}
	}
	return rendered.Rules, nil
}

// addABIs lets the profile cover the ABIs of calls that it judged as foreign, of those that are added.
func addABIs(p *policy.Policy, r *Result, added map[string]bool) {
	for _, v := range r.Calls {
		arch := specs.Arch(syscalls.SeccompArch(syscalls.ABI(v.Call.ABI)))
		if v.Outcome != Foreign || arch == "" || !added[v.Call.Name] {
			continue
		}
		if len(p.Architectures) > 0 {
			p.Architectures = with(p.Architectures, arch)
			continue
		}
		p.ArchMap = slices.Clone(p.ArchMap)
		native := specs.Arch(syscalls.SeccompArch(syscalls.ABI(hostOf(v.Call.ABI))))
		i := slices.IndexFunc(p.ArchMap, func(a policy.Arch) bool { return a.Arch == native })
		if i < 0 {
			p.ArchMap = append(p.ArchMap, policy.Arch{Arch: native})
			i = len(p.ArchMap) - 1
		}
		if arch != native {
			p.ArchMap[i].SubArches = with(p.ArchMap[i].SubArches, arch)
		}
	}
}

func with(list []specs.Arch, arch specs.Arch) []specs.Arch {
	if slices.Contains(list, arch) {
		return list
	}
	return append(slices.Clone(list), arch)
}
