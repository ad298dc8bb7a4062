package session_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// A leader that the kernel kills for want of memory is said to be: the limit is
// that of a v1 memory cgroup, or of the workload's own cgroup where it has one.
func TestOutOfMemory(t *testing.T) {
	hosttest.Root(t)
	python := hosttest.Tool(t, "python3", "python3")
	limit, done := memoryLimit(t)
	defer done()
	r := record(t, options("sh", "-c", limit+` && exec "$0" -c 'x = b"x" * (256 << 20)'`, python))
	complete(t, r)
	if want := "was killed by SIGKILL from the kernel: out of memory"; r.Workload.Leader.End != want {
		t.Errorf("the command %s, want %s", r.Workload.Leader.End, want)
	}
}

// memoryLimit is a piece of shell that limits the memory of the shell that runs it.
func memoryLimit(t *testing.T) (shell string, done func()) {
	t.Helper()
	const v1 = "/sys/fs/cgroup/memory"
	if _, err := os.Stat(filepath.Join(v1, "cgroup.procs")); err != nil {
		controllers, _ := os.ReadFile("/sys/fs/cgroup/cgroup.subtree_control")
		if !slices.Contains(strings.Fields(string(controllers)), "memory") {
			t.Skip("lacks a memory controller: neither a v1 one nor one for children of cgroup2's root")
		}
		return `echo 33554432 >"/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/memory.max"`, func() {}
	}
	dir := filepath.Join(v1, fmt.Sprintf("scallop-test-%d", os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("echo 33554432 >%[1]s/memory.limit_in_bytes && echo $$ >%[1]s/cgroup.procs", dir),
		func() {
			if err := os.Remove(dir); err != nil {
				t.Error(err)
			}
		}
}
