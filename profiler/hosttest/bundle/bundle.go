// Package bundle has what tests put into the configuration of an OCI bundle, and reads profiles as they go into one.
package bundle

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Capabilities gives a process of root's these.
func Capabilities(names []string) *specs.LinuxCapabilities {
	return &specs.LinuxCapabilities{Bounding: names, Effective: names, Permitted: names}
}

// Profile reads one.
func Profile(t testing.TB, path string) *specs.LinuxSeccomp {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var profile specs.LinuxSeccomp
	if err := json.Unmarshal(data, &profile); err != nil {
		t.Fatal(err)
	}
	return &profile
}

// Names are those in a profile, which allows them, or answers them on purpose.
func Names(profile *specs.LinuxSeccomp) []string {
	var names []string
	for _, rule := range profile.Syscalls {
		names = append(names, rule.Names...)
	}
	return names
}

// Without is the profile without one call, which must be in it.
func Without(t testing.TB, profile *specs.LinuxSeccomp, call string) *specs.LinuxSeccomp {
	t.Helper()
	if !slices.Contains(Names(profile), call) {
		t.Fatalf("%s is not in the profile", call)
	}
	less := *profile
	less.Syscalls = nil
	for _, rule := range profile.Syscalls {
		rule.Names = slices.DeleteFunc(slices.Clone(rule.Names), func(name string) bool { return name == call })
		if len(rule.Names) > 0 {
			less.Syscalls = append(less.Syscalls, rule)
		}
	}
	return &less
}
