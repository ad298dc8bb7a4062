package hosttest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// MemoryLimit needs a memory controller, and returns a piece of shell that limits the memory of the shell that runs it, in
// bytes: in a v1 cgroup of its own, or in the cgroup that it is in. What is made is gone when the test has ended.
func MemoryLimit(t testing.TB, bytes int) string {
	t.Helper()
	const v1 = "/sys/fs/cgroup/memory"
	if _, err := os.Stat(filepath.Join(v1, "cgroup.procs")); err != nil {
		controllers, _ := os.ReadFile("/sys/fs/cgroup/cgroup.subtree_control")
		if !slices.Contains(strings.Fields(string(controllers)), "memory") {
			t.Skip("lacks a memory controller: neither a v1 one nor one for children of cgroup2's root")
		}
		return fmt.Sprintf(`echo %d >"/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/memory.max"`, bytes)
	}
	dir, err := os.MkdirTemp(v1, "scallop-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 100 { // whoever was in it may just be ending
			if err = os.Remove(dir); err == nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Error(err)
	})
	return fmt.Sprintf("echo %d >%[2]s/memory.limit_in_bytes && echo $$ >%[2]s/cgroup.procs", bytes, dir)
}
