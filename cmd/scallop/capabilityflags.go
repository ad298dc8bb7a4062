package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler"
)

// capabilityFlags say which capabilities a container has. The rules of a profile can depend on them: more
// is allowed to one with CAP_SYS_ADMIN in Docker's default.
type capabilityFlags struct {
	add, drop []string
}

func (f *capabilityFlags) addTo(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.add, "cap-add", nil, "judge the profile's conditions for a container with these `CAPABILITIES` beside Docker's; ALL is all")
	flags.StringSliceVar(&f.drop, "cap-drop", nil, "judge for a container without these `CAPABILITIES`; ALL is all")
}

// list is Docker's own set without what is dropped, and with what is added, as CAP_SYS_ADMIN.
func (f *capabilityFlags) list() ([]string, error) {
	dropped, err := capabilitiesOf("--cap-drop", f.drop)
	if err != nil {
		return nil, err
	}
	added, err := capabilitiesOf("--cap-add", f.add)
	if err != nil {
		return nil, err
	}
	caps := slices.DeleteFunc(policy.DockerCapabilities(), func(c string) bool { return slices.Contains(dropped, c) })
	return append(caps, added...), nil
}

// capabilitiesOf takes SYS_ADMIN for CAP_SYS_ADMIN and ALL for all, as engines do.
func capabilitiesOf(flag string, names []string) ([]string, error) {
	var list []string
	for _, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		known := profiler.CapabilityNames()
		if name != "all" {
			name = "cap_" + strings.TrimPrefix(name, "cap_")
			if !slices.Contains(known, name) {
				return nil, fmt.Errorf("%s %q: no such capability: use names as SYS_ADMIN or CAP_NET_ADMIN, or ALL", flag, name)
			}
			known = []string{name}
		}
		for _, c := range known {
			list = append(list, strings.ToUpper(c))
		}
	}
	return list, nil
}
