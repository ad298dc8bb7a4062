package exporter

import (
	"reflect"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/exporter/portability"
)

// rule is what a group becomes in a profile: one for each alternative of its condition.
type rule struct {
	specs.LinuxSyscall
	// host limits the rule to hosts of that native ABI; empty for all.
	host string
}

// rules are those of the group. Where a condition reads differently on the hosts, such as on
// s390x, which passes the arguments of clone in another order, each host has its own.
func (g *Group) rules(hosts []string) []rule {
	allow := specs.LinuxSyscall{Names: g.names(), Action: specs.ActAllow}
	if g.Condition == nil {
		return []rule{{allow, ""}}
	}
	if sameArgs(g.Condition, hosts) {
		return conditional(allow, g.Condition, hosts[0], "")
	}
	var list []rule
	for _, host := range hosts {
		list = append(list, conditional(allow, g.Condition, host, host)...)
	}
	return list
}

func sameArgs(c *portability.Condition, hosts []string) bool {
	for _, host := range hosts {
		if !reflect.DeepEqual(c.Args(host), c.Args(hosts[0])) {
			return false
		}
	}
	return true
}

func conditional(allow specs.LinuxSyscall, c *portability.Condition, abi, host string) []rule {
	var list []rule
	for _, args := range c.Args(abi) {
		allow.Args = args
		list = append(list, rule{allow, host})
	}
	return list
}

// includes says in Docker's words for which hosts the rule is.
func (r *rule) includes() *seccomp.Filter {
	switch r.host {
	case "":
		return nil
	case "x86_64":
		return &seccomp.Filter{Arches: []string{"amd64"}}
	case "aarch64":
		return &seccomp.Filter{Arches: []string{"arm64"}}
	}
	return &seccomp.Filter{Arches: []string{r.host}}
}

// answer denies a call with ENOSYS.
func answer(name string) specs.LinuxSyscall {
	return specs.LinuxSyscall{Names: []string{name}, Action: specs.ActErrno, ErrnoRet: new(uint(policy.ENOSYS))}
}

// answered are the calls that need a rule of their own to be answered ENOSYS: none where all
// are, and none where all are only logged.
func (o RenderOptions) answered(p *Profile) []portability.Answered {
	base, err := o.base()
	switch {
	case err != nil, base.DefaultAction == specs.ActLog:
		return nil
	case base.DefaultErrnoRet != nil && *base.DefaultErrnoRet == policy.ENOSYS:
		return nil
	}
	return p.Answered
}
