package hook

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// Merge extends an older profile by what a container was seen to need. The older one decides on every call
// that one of its rules names, and its rules stay as they are: allowed, denied with that action, or
// allowed for some arguments. Other calls are allowed if the container needs them. The warnings, a
// sentence each, are what a person should know before using the profile.
func Merge(older, seen *Profile) (merged *Profile, warnings []string, err error) {
	out := *older
	if permits(older.DefaultAction) {
		warnings = append(warnings, fmt.Sprintf("the input profile denies only what it names (%s): the new one allows only what was seen", older.DefaultAction))
	}
	out.setDefault(older, seen)
	out.addArchitectures(seen.ArchMap)
	m := &merger{older: older, verdicts: map[string]*verdict{}}
	m.read()
	out.Syscalls = slices.Clone(older.Syscalls)
	for i := range seen.Syscalls {
		rules, err := m.add(&seen.Syscalls[i])
		if err != nil {
			return nil, nil, err
		}
		out.Syscalls = append(out.Syscalls, rules...)
	}
	return &out, append(warnings, m.warnings()...), nil
}

// setDefault keeps what the older profile does with other calls, unless it allows them. EPERM, which engines
// take if no errno is said, keeps C libraries from falling back to older calls.
func (p *Profile) setDefault(older, seen *Profile) {
	silent := older.DefaultAction == specs.ActErrno && older.DefaultErrnoRet == nil && older.DefaultErrno == ""
	switch {
	case permits(older.DefaultAction):
		p.DefaultAction, p.DefaultErrnoRet, p.DefaultErrno = seen.DefaultAction, seen.DefaultErrnoRet, ""
	case silent:
		p.DefaultErrnoRet = seen.DefaultErrnoRet
	}
}

// addArchitectures keeps the older ones, in their form.
func (p *Profile) addArchitectures(seen []seccomp.Architecture) {
	if len(p.Architectures) > 0 {
		p.Architectures = slices.Clone(p.Architectures)
		for _, a := range seen {
			p.Architectures = union(p.Architectures, append([]specs.Arch{a.Arch}, a.SubArches...))
		}
		return
	}
	p.ArchMap = slices.Clone(p.ArchMap)
	for _, a := range seen {
		i := slices.IndexFunc(p.ArchMap, func(have seccomp.Architecture) bool { return have.Arch == a.Arch })
		if i < 0 {
			p.ArchMap = append(p.ArchMap, a)
			continue
		}
		p.ArchMap[i].SubArches = union(slices.Clone(p.ArchMap[i].SubArches), a.SubArches)
	}
}

func union(have, more []specs.Arch) []specs.Arch {
	for _, a := range more {
		if !slices.Contains(have, a) {
			have = append(have, a)
		}
	}
	return have
}

// merger knows what the older profile says of each call.
type merger struct {
	older    *Profile
	verdicts map[string]*verdict
	denied   map[string][]string // by action: what the container needs all the same
	partly   []string            // needed, and denied for some arguments in a way that has no opposite
}

// verdict on one call: the rules that name it.
type verdict struct {
	denials []*Rule
	permits bool
}

func (m *merger) read() {
	for i := range m.older.Syscalls {
		rule := &m.older.Syscalls[i]
		for _, name := range rule.names() {
			v := m.verdicts[name]
			if v == nil {
				v = &verdict{}
				m.verdicts[name] = v
			}
			if permits(rule.Action) {
				v.permits = true
			} else {
				v.denials = append(v.denials, rule)
			}
		}
	}
}

// add returns the rules that allow what the older profile says nothing of.
func (m *merger) add(rule *Rule) ([]Rule, error) {
	var names []string
	var rules []Rule
	for _, name := range rule.names() {
		v := m.verdicts[name]
		switch {
		case v == nil:
			names = append(names, name)
		case v.permits:
		case !permits(m.older.DefaultAction) || v.always():
			m.note(name, v)
		default:
			r, err := m.allowRest(name, v, rule.Comment)
			if err != nil {
				return nil, err
			}
			rules = append(rules, r...)
		}
	}
	if len(names) > 0 {
		r, err := newRule(names, nil, rule.Comment)
		if err != nil {
			return nil, err
		}
		rules = append([]Rule{r}, rules...)
	}
	return rules, nil
}

// always tells whether a rule denies the call whatever its arguments are.
func (v *verdict) always() bool {
	return slices.ContainsFunc(v.denials, func(r *Rule) bool { return !r.conditional() })
}

// opposites of the conditions on an argument.
var opposites = map[specs.LinuxSeccompOperator]specs.LinuxSeccompOperator{
	specs.OpEqualTo:      specs.OpNotEqual,
	specs.OpNotEqual:     specs.OpEqualTo,
	specs.OpLessThan:     specs.OpGreaterEqual,
	specs.OpGreaterEqual: specs.OpLessThan,
	specs.OpLessEqual:    specs.OpGreaterThan,
	specs.OpGreaterThan:  specs.OpLessEqual,
}

// allowRest: the older profile allows everything else, and denies the call for some arguments. The new one allows
// little else, so it must allow the call for all other arguments.
func (m *merger) allowRest(name string, v *verdict, comment string) ([]Rule, error) {
	denial := v.denials[0]
	if len(v.denials) > 1 || len(denial.Args) != 1 || len(denial.Includes)+len(denial.Excludes) > 0 {
		m.partly = append(m.partly, name)
		return nil, nil
	}
	arg := denial.Args[0]
	opposite, ok := opposites[arg.Op]
	if !ok {
		m.partly = append(m.partly, name)
		return nil, nil
	}
	arg.Op = opposite
	r, err := newRule([]string{name}, []specs.LinuxSeccompArg{arg}, comment+"; for the arguments that the input profile does not deny")
	return []Rule{r}, err
}

func (m *merger) note(name string, v *verdict) {
	if m.denied == nil {
		m.denied = map[string][]string{}
	}
	action := string(v.denials[0].Action)
	m.denied[action] = append(m.denied[action], name)
}

func (m *merger) warnings() []string {
	var list []string
	for _, action := range actions {
		if names := m.denied[action]; len(names) > 0 {
			slices.Sort(names)
			list = append(list, fmt.Sprintf("the container needs %s, which the input profile denies (%s): denied in the new one, too", strings.Join(names, ", "), action))
		}
	}
	if len(m.partly) > 0 {
		slices.Sort(m.partly)
		list = append(list, fmt.Sprintf("the container needs %s, which the input profile denies for some arguments, capabilities or hosts: denied for all in the new one: add a rule by hand", strings.Join(m.partly, ", ")))
	}
	return list
}
