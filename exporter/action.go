package exporter

import (
	"fmt"
	"strconv"
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

// maxErrno is the kernel's MAX_ERRNO; seccomp cuts larger values to it.
const maxErrno = 4095

// ParseErrno takes the name of an error of the kernel, e.g. ENOSYS, or its
// number, 0 to 4095.
func ParseErrno(s string) (uint, error) {
	if n, ok := errnos[strings.ToUpper(s)]; ok {
		return n, nil
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n > maxErrno {
		return 0, fmt.Errorf("errno %q is not known: use a name like ENOSYS or EPERM, or a number from 0 to %d", s, maxErrno)
	}
	return uint(n), nil
}
