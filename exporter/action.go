package exporter

import (
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// actions that a call outside the allow-list may meet.
var actions = []struct {
	short string
	scmp  specs.LinuxSeccompAction
}{
	{"errno", specs.ActErrno},
	{"kill_process", specs.ActKillProcess},
	{"kill_thread", specs.ActKillThread},
	{"log", specs.ActLog},
	{"trap", specs.ActTrap},
}

// Actions are the short names that ParseAction takes, sorted.
func Actions() []string {
	var names []string
	for _, a := range actions {
		names = append(names, a.short)
	}
	return names
}

// ParseAction takes errno or SCMP_ACT_ERRNO, in any case, and the like.
func ParseAction(s string) (specs.LinuxSeccompAction, error) {
	for _, a := range actions {
		if strings.EqualFold(s, a.short) || strings.EqualFold(s, string(a.scmp)) {
			return a.scmp, nil
		}
	}
	if strings.EqualFold(s, "allow") || strings.EqualFold(s, string(specs.ActAllow)) {
		return "", fmt.Errorf("default action %q would allow everything: use one of %s", s, strings.Join(Actions(), ", "))
	}
	return "", fmt.Errorf("default action %q is not known: use one of %s", s, strings.Join(Actions(), ", "))
}
