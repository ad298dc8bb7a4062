// Package crun_test judges recordings of crun's containers: real servers in plain OCI bundles are
// recorded from outside, and crun runs them again under the exported profile. `make test-crun`
// has it run in a virtual machine, since crun needs capabilities that many build hosts withhold.
package crun_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// prepared names a folder that .ci/crun fills: servers/ is the root of all containers, cluster/ a data
// directory of PostgreSQL. scallop and crun are in PATH there.
const prepared = "SCALLOP_TEST_CRUN"

func TestMain(m *testing.M) {
	os.Exit(runAsReaper(m))
}

// runAsReaper: `crun create` leaves the container's first process behind, and its exit code
// is for whoever reaps it.
func runAsReaper(m *testing.M) int {
	if os.Getenv(prepared) == "" {
		return m.Run() // every test says then where it runs
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "become a subreaper:", err)
		return 1
	}
	parent := filepath.Join(cgroupMount, cgroupParent)
	if err := os.MkdirAll(parent, 0o755); err != nil { // scallop must find it before crun would make it
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := os.Remove(parent); err != nil {
		fmt.Fprintln(os.Stderr, "left behind:", err)
		return max(code, 1)
	}
	return code
}

func need(t *testing.T) {
	t.Helper()
	if os.Getenv(prepared) == "" {
		t.Skip("needs crun, all capabilities and a pure cgroup2 host: `make test-crun` runs it in a virtual machine")
	}
	hosttest.Root(t)
	hosttest.Tool(t, "crun", "crun")
	hosttest.Tool(t, "scallop", "none: it is built from this repository")
	if _, err := os.Stat(filepath.Join(cgroupMount, "cgroup.controllers")); err != nil {
		hosttest.Lack(t, "cgroup2 alone at "+cgroupMount)
	}
}
