//go:build linux

package exporter_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter"
)

// trueCalls are what Debian's static busybox makes for true, seen with strace on versions 1.30 to 1.37.
// execve and exit_group are in every profile.
const trueCalls = "arch_prctl brk getrandom getuid mprotect prctl prlimit64 readlink rseq set_robust_list set_tid_address"

// TestBaselineStartsTrue: the measured baseline, the base and what true itself calls are enough, for
// the setting of no_new_privs that the profile is for.
func TestBaselineStartsTrue(t *testing.T) {
	for _, tc := range []struct {
		profile    string
		noNewPrivs bool
		starts     bool
	}{
		{exporter.NoNewPrivsAny, false, true},
		{exporter.NoNewPrivsAny, true, true},
		{exporter.NoNewPrivsNo, false, true},
		{exporter.NoNewPrivsYes, true, true},
		// The smaller profile is for no_new_privs alone.
		{exporter.NoNewPrivsYes, false, false},
	} {
		for _, user := range []specs.User{{}, {UID: 65534, GID: 65534, AdditionalGids: []uint32{1000}}} {
			b := newBundle(t, profileOf(t, trueCalls, exporter.Options{Runtime: family(), NoNewPrivs: tc.profile}), "true")
			b.spec.Process.NoNewPrivileges, b.spec.Process.User = tc.noNewPrivs, user
			if out, err := b.runcCmd(t, "run", b.id); (err == nil) != tc.starts {
				t.Errorf("a profile for no_new_privs %s, a container with %t, user %d: %v: %s", tc.profile, tc.noNewPrivs, user.UID, err, out)
			}
		}
	}
}

// TestBaselineIsNeeded: without any one of these calls of the runtime the same container does not start.
func TestBaselineIsNeeded(t *testing.T) {
	needed := map[string]map[string]string{
		exporter.RuntimeRunc: {
			exporter.NoNewPrivsNo:  "execve capset setuid setgid setgroups openat getdents64",
			exporter.NoNewPrivsYes: "execve openat getdents64",
		},
		exporter.RuntimeCrun: {
			exporter.NoNewPrivsNo:  "execve capset setresuid setresgid",
			exporter.NoNewPrivsYes: "execve",
		},
	}[family()]
	for profile, names := range needed {
		full := profileOf(t, trueCalls, exporter.Options{Runtime: family(), NoNewPrivs: profile})
		for _, name := range strings.Fields(names) {
			b := newBundle(t, without(t, full, name), "true")
			b.spec.Process.NoNewPrivileges = profile == exporter.NoNewPrivsYes
			if out, err := b.runcCmd(t, "run", b.id); err == nil {
				t.Errorf("no_new_privs %s: the container started without %s: %s", profile, name, out)
			}
		}
	}
}

// without is the profile with one name less.
func without(t *testing.T, profile []byte, name string) []byte {
	t.Helper()
	var filter specs.LinuxSeccomp
	must(t, json.Unmarshal(profile, &filter))
	found := false
	for i := range filter.Syscalls {
		rule := &filter.Syscalls[i]
		before := len(rule.Names)
		rule.Names = slices.DeleteFunc(rule.Names, func(n string) bool { return n == name })
		found = found || len(rule.Names) < before
	}
	if !found {
		t.Fatalf("the profile has no %s to leave out", name)
	}
	filter.Syscalls = slices.DeleteFunc(filter.Syscalls, func(rule specs.LinuxSyscall) bool { return len(rule.Names) == 0 })
	data, err := json.Marshal(filter)
	must(t, err)
	return data
}
