package bundle_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest/bundle"
)

// The call is gone, and the rule if it was the only one; the profile itself stays.
func TestWithout(t *testing.T) {
	path := filepath.Join(t.TempDir(), "profile.json")
	const text = `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","write"],"action":"SCMP_ACT_ALLOW"},{"names":["bind"],"action":"SCMP_ACT_ALLOW"}]}`
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	whole := bundle.Profile(t, path)
	for call, want := range map[string][]string{"read": {"write", "bind"}, "bind": {"read", "write"}} {
		if got := bundle.Names(bundle.Without(t, whole, call)); !slices.Equal(got, want) {
			t.Errorf("without %s: %v", call, got)
		}
	}
	if got := bundle.Names(whole); !slices.Equal(got, []string{"read", "write", "bind"}) {
		t.Errorf("the profile has changed: %v", got)
	}
}
