package layers

import (
	"fmt"
	"slices"

	"github.com/scallop-sec/scallop/exporter/policy"
)

// OnBase puts a workload's profile on a common one. The base stays as it is, and what the workload
// needs beyond it is added. With dropUnused the base is tightened instead: what the workload never
// made goes, and of shared calls the conditions of the base stay in force, as they were for the
// workload where the base was; the report lists them. Architectures and the default action are
// the workload's, and so is what it denies by name.
func OnBase(local *policy.Policy, base Layer, dropUnused bool) (*policy.Policy, *Report, error) {
	if err := checkDenies("the base "+base.Name, base.Policy); err != nil {
		return nil, nil, err
	}
	mine, theirs := callsOf(local), callsOf(onHosts(base.Policy, hostsOf(local)))
	report := compare(mine, theirs, base.Name)
	if dropUnused {
		own := func(name string) bool { return !slices.Contains(report.Conditional, name) }
		out, err := tightened(mine, theirs, report, own)
		return out, report, err
	}
	report.Kept, report.Conditional = true, nil
	out := *local
	out.Rules = slices.Clone(local.Rules)
	for i := range theirs.policy.Rules {
		r := &theirs.policy.Rules[i]
		missing := func(name string) bool {
			return len(mine.rules[name]) == 0 || mine.permits(name) && !mine.always(name) && allows(r.Action)
		}
		if r, ok := without(r, missing); ok {
			out.Rules = append(out.Rules, commented(r, base.Name))
		}
	}
	return &out, report, nil
}

// Within keeps of a profile what another allows, and no more: calls outside go, and are the
// report's Local; calls that the bound allows under conditions have these, too. It is an error
// if the profile covers an architecture that the bound does not.
func Within(local *policy.Policy, bound Layer) (*policy.Policy, *Report, error) {
	if err := checkDenies("the bound "+bound.Name, bound.Policy); err != nil {
		return nil, nil, err
	}
	if err := checkArches(local, bound); err != nil {
		return nil, nil, err
	}
	mine, theirs := callsOf(local), callsOf(onHosts(bound.Policy, hostsOf(local)))
	report := compare(mine, theirs, bound.Name)
	out, err := tightened(mine, theirs, report, theirs.always)
	return out, report, err
}

// tightened keeps the local rules for the names that keep accepts, and what is denied by
// name; the report's conditional calls have the conditions of both.
func tightened(mine, theirs *calls, report *Report, keep func(string) bool) (*policy.Policy, error) {
	out := *mine.policy
	out.Rules = nil
	for i := range mine.policy.Rules {
		rule := &mine.policy.Rules[i]
		if r, ok := without(rule, func(name string) bool { return !allows(rule.Action) || keep(name) }); ok {
			out.Rules = append(out.Rules, r)
		}
	}
	for _, name := range report.Conditional {
		rules, ok := meetOf(name, mine, theirs)
		if !ok {
			return nil, fmt.Errorf("%s and the profile both allow %s under conditions of their own, which a filter cannot combine: use one of the two", report.Layer, name)
		}
		for _, r := range rules {
			out.Rules = append(out.Rules, commented(r, report.Layer))
		}
	}
	return &out, nil
}

// checkArches: a filter of Docker's format lists the ABIs of each architecture.
func checkArches(local *policy.Policy, bound Layer) error {
	covered := archesOf(bound.Policy)
	if len(covered) == 0 {
		return nil // those of the host, whichever it is
	}
	for arch := range archesOf(local) {
		if !covered[arch] {
			return fmt.Errorf("%s does not cover %s, which the recordings are of: leave out --within, or export other recordings", bound.Name, arch)
		}
	}
	return nil
}

func archesOf(p *policy.Policy) map[string]bool {
	all := map[string]bool{}
	for _, a := range p.Architectures {
		all[string(a)] = true
	}
	for _, a := range p.ArchMap {
		all[string(a.Arch)] = true
		for _, sub := range a.SubArches {
			all[string(sub)] = true
		}
	}
	return all
}
