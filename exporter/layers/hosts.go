package layers

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter/policy"
)

// conditionNames are what conditions on hosts call the architectures of the archMap.
var conditionNames = map[specs.Arch]string{
	specs.ArchX86_64: "amd64", specs.ArchX86: "x86", specs.ArchX32: "x32", specs.ArchAARCH64: "arm64", specs.ArchARM: "arm",
	specs.ArchMIPS: "mips", specs.ArchMIPS64: "mips64", specs.ArchMIPSEL: "mipsel", specs.ArchMIPSEL64: "mipsel64",
	specs.ArchPPC: "ppc", specs.ArchPPC64: "ppc64", specs.ArchPPC64LE: "ppc64le", specs.ArchRISCV64: "riscv64", specs.ArchS390X: "s390x",
	specs.ArchLOONGARCH64: "loongarch64",
}

// hostsOf are the names of the architectures that a profile is for; nil if it does not say.
func hostsOf(p *policy.Policy) []string {
	var hosts []string
	for _, a := range p.ArchMap {
		name := conditionNames[a.Arch]
		if name == "" {
			return nil
		}
		hosts = append(hosts, name)
	}
	return hosts
}

// onHosts is a layer as it is on some architectures: conditions on these that hold on all of them, or
// on none, are decided. A default profile has rules for a dozen, and a workload is for one.
func onHosts(p *policy.Policy, hosts []string) *policy.Policy {
	if len(hosts) == 0 {
		return p
	}
	out := *p
	out.Rules = nil
	for _, r := range p.Rules {
		if in, keep := decided(r.Includes, hosts, true); keep {
			if ex, keep := decided(r.Excludes, hosts, false); keep {
				r.Includes, r.Excludes = in, ex
				out.Rules = append(out.Rules, r)
			}
		}
	}
	return &out
}

// decided takes the architectures out of a filter if they are the same for all hosts; keep is
// false if the rule is in force on none. wanted is whether it is in force where the filter matches.
func decided(f *policy.Filter, hosts []string, wanted bool) (out *policy.Filter, keep bool) {
	if f == nil || len(f.Arches) == 0 {
		return f, true
	}
	matched := 0
	for _, host := range hosts {
		if slices.Contains(f.Arches, host) {
			matched++
		}
	}
	switch {
	case matched > 0 && matched < len(hosts):
		return f, true
	case (matched > 0) != wanted:
		return f, false
	}
	rest := *f
	rest.Arches = nil
	return &rest, true
}
