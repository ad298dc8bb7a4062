package gate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Container is what the conditions of a profile's rules are about.
type Container struct {
	Capabilities []string
	// Kernels are the releases of the hosts, by their native ABI: a profile that names no
	// architecture is for these.
	Kernels map[string]string
}

// FilterOfPolicy is a profile that was read from a file. With a container, conditions on it and on its
// host are decided; without one (nil) they stay as conditions, and nothing can be judged.
func FilterOfPolicy(source string, p *policy.Policy, c *Container) (*Filter, error) {
	f := &Filter{Source: source, Default: defaultAction(p), Rules: map[string][]Rule{}}
	for i := range p.Rules {
		f.addRule(&p.Rules[i], c)
	}
	if c == nil {
		f.ABIs = abisOf(p)
		return f, nil
	}
	f.resolved = map[string]*policy.Resolved{}
	for native, kernel := range c.Kernels {
		r, err := p.Resolve(policy.Host{Architecture: syscalls.ABI(native), Capabilities: c.Capabilities, Kernel: kernel})
		if err != nil {
			return nil, err
		}
		f.resolved[native] = r
		for _, abi := range r.ABIs {
			f.ABIs = append(f.ABIs, string(abi))
		}
	}
	slices.Sort(f.ABIs)
	f.ABIs = slices.Compact(f.ABIs)
	return f, nil
}

func (f *Filter) addRule(r *policy.Rule, c *Container) {
	rule := Rule{Action: ruleAction(r), Hosts: hosts(r), Comment: r.Comment}
	var when []string
	for _, a := range r.Args {
		when = append(when, condition(a.LinuxSeccompArg))
	}
	if c != nil && !inForce(r, c.Capabilities) {
		return
	}
	if len(when) > 0 {
		rule.When = "if " + strings.Join(when, " and ")
	}
	if c == nil {
		rule.When = strings.TrimPrefix(strings.Join(append([]string{rule.When}, needs(r)...), " "), " ")
	}
	if reason, text, ok := splitComment(r.Comment); ok {
		rule.Reasons = []exporter.Evidence{{Reason: reason, Text: text}}
		f.Reasoned = true
	}
	for _, name := range r.Names {
		f.Rules[name] = append(f.Rules[name], rule)
	}
}

// splitComment reads the comments that the exporter gives its groups.
func splitComment(comment string) (exporter.Reason, string, bool) {
	if text, ok := strings.CutPrefix(comment, "observed in "); ok {
		return exporter.Observed, text, true
	}
	for _, reason := range []exporter.Reason{exporter.Denied, exporter.Handover, exporter.Portability, exporter.Base} {
		if text, ok := strings.CutPrefix(comment, string(reason)+": "); ok {
			return reason, text, true
		}
	}
	return "", "", false
}

// ruleAction is the action with its errno, in whichever form the file has it. Runtimes
// answer EPERM if nothing is said.
func ruleAction(r *policy.Rule) string {
	return withErrno(r.Action, r.ErrnoRet, r.Errno)
}

func defaultAction(p *policy.Policy) string {
	return withErrno(p.DefaultAction, p.DefaultErrnoRet, p.DefaultErrno)
}

func withErrno(action specs.LinuxSeccompAction, ret *uint, text string) string {
	if action != specs.ActErrno && action != specs.ActTrace {
		return string(action)
	}
	if text != "" {
		if n, err := policy.Errno(text); err == nil {
			ret = &n
		}
	}
	if ret == nil {
		eperm := uint(1)
		ret = &eperm
	}
	return Action(string(action), ret)
}

// hosts are the native ABIs where the rule is in force; nil is all.
func hosts(r *policy.Rule) []string {
	in, out := arches(r.Includes), arches(r.Excludes)
	if in == nil && out == nil {
		return nil
	}
	list := []string{}
	for _, abi := range syscalls.ABIs() {
		if abi := string(abi); (in == nil || slices.Contains(in, goarch(abi))) && !slices.Contains(out, goarch(abi)) {
			list = append(list, abi)
		}
	}
	return list
}

func arches(f *policy.Filter) []string {
	if f == nil {
		return nil
	}
	return f.Arches
}

// goarch is libseccomp-golang's name of an ABI, which conditions use.
func goarch(abi string) string {
	switch abi {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	}
	return abi
}

// inForce decides as engines do: a rule wants all capabilities that it includes, and none that it excludes. Which
// kernel it is for is left to the resolver: this is for texts.
func inForce(r *policy.Rule, caps []string) bool {
	if r.Excludes != nil && slices.ContainsFunc(r.Excludes.Caps, func(c string) bool { return slices.Contains(caps, c) }) {
		return false
	}
	if r.Excludes != nil && r.Excludes.MinKernel != nil {
		return false
	}
	return r.Includes == nil || !slices.ContainsFunc(r.Includes.Caps, func(c string) bool { return !slices.Contains(caps, c) })
}

// needs are the conditions on the container, and on the kernel.
func needs(r *policy.Rule) []string {
	var list []string
	if r.Includes != nil {
		list = append(list, filterText(r.Includes, "with", "on", "from")...)
	}
	if r.Excludes != nil {
		list = append(list, filterText(r.Excludes, "without", "not on", "before")...)
	}
	return list
}

func filterText(f *policy.Filter, caps, host, kernel string) []string {
	var list []string
	for _, c := range f.Caps {
		list = append(list, caps+" "+c)
	}
	if len(f.Arches) > 0 {
		list = append(list, host+" "+strings.Join(f.Arches, ", "))
	}
	if f.MinKernel != nil {
		list = append(list, fmt.Sprintf("%s kernel %d.%d", kernel, f.MinKernel.Kernel, f.MinKernel.Major))
	}
	return list
}

var operators = map[specs.LinuxSeccompOperator]string{
	specs.OpEqualTo: "==", specs.OpNotEqual: "!=", specs.OpLessThan: "<", specs.OpLessEqual: "<=",
	specs.OpGreaterThan: ">", specs.OpGreaterEqual: ">=",
}

// condition is e.g. "arg0 == 40" or "arg1 & 0x7e020000 == 0".
func condition(a specs.LinuxSeccompArg) string {
	if a.Op == specs.OpMaskedEqual {
		return fmt.Sprintf("arg%d & %#x == %#x", a.Index, a.Value, a.ValueTwo)
	}
	return fmt.Sprintf("arg%d %s %d", a.Index, operators[a.Op], a.Value)
}

// abisOf are those that the profile names.
func abisOf(p *policy.Policy) []string {
	named := slices.Clone(p.Architectures)
	for _, a := range p.ArchMap {
		named = append(append(named, a.Arch), a.SubArches...)
	}
	var list []string
	for _, abi := range syscalls.ABIs() {
		if slices.Contains(named, specs.Arch(syscalls.SeccompArch(abi))) {
			list = append(list, string(abi))
		}
	}
	return list
}
