// Package leftover finds what a scallop that has ended has left on the host: tests of what goes wrong
// compare the host before and after.
package leftover

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// patience is how long traces of others may take to go: the kernel frees maps and programs a little
// later, and tests of other packages kill their scallops at the same time.
const patience = 20 * time.Second

// None looks at the host now and at the end of the test: what scallop has in the kernel, in
// the cgroup hierarchy and in these folders must be the same then. What a living process holds does not count; what is
// pinned does, on whatever bpffs.
func None(t testing.TB, folders ...string) {
	t.Helper()
	before := traces(t, folders)
	t.Cleanup(func() {
		for _, trace := range newTraces(t, before, folders) {
			t.Errorf("left behind: %s", trace)
		}
	})
}

// newTraces are those that are there from now on and do not go. What comes later is of others.
func newTraces(t testing.TB, before map[string]bool, folders []string) []string {
	t.Helper()
	left := traces(t, folders)
	maps.DeleteFunc(left, func(trace string, _ bool) bool { return before[trace] })
	for deadline := time.Now().Add(patience); len(left) > 0 && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
		now := traces(t, folders)
		maps.DeleteFunc(left, func(trace string, _ bool) bool { return !now[trace] })
	}
	return slices.Sorted(maps.Keys(left))
}

// traces are what there is of scallop that no process holds.
func traces(t testing.TB, folders []string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	addObjects(t, all)
	addCgroups(all)
	for _, dir := range folders {
		paths, _ := filepath.Glob(filepath.Join(dir, "*"))
		hidden, _ := filepath.Glob(filepath.Join(dir, ".*"))
		for _, path := range append(paths, hidden...) {
			all[path] = true
		}
	}
	return all
}
