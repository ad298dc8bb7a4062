package session_test

import (
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// A leader that the kernel kills for want of memory is said to be: the limit is
// that of a v1 memory cgroup, or of the workload's own cgroup where it has one.
func TestOutOfMemory(t *testing.T) {
	hosttest.Root(t)
	limit := hosttest.MemoryLimit(t, 32<<20)
	r := record(t, options("sh", "-c", limit+` && exec tail /dev/zero`)) // its last line has no end
	complete(t, r)
	if want := "was killed by SIGKILL from the kernel: out of memory"; r.Workload.Leader.End != want {
		t.Errorf("the command %s, want %s", r.Workload.Leader.End, want)
	}
}
