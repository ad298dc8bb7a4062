// Package cgrouptest makes cgroups that end with a test.
package cgrouptest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/hosttest"
)

var (
	last   atomic.Int32
	unsafe = regexp.MustCompile(`[^A-Za-z0-9_-]+`)
)

// New makes a cgroup. At the test's end, what runs in it is killed, and it is removed with all below.
func New(t testing.TB) *cgroup.Cgroup {
	t.Helper()
	hosttest.Root(t)
	mount, err := cgroup.FindMount()
	if err != nil {
		hosttest.Lack(t, err.Error())
	}
	c, err := cgroup.Create(mount, fmt.Sprintf("scallop-test-%d-%d-%s", os.Getpid(), last.Add(1), unsafe.ReplaceAllString(t.Name(), "-")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Kill() // it may be gone
		if err := errors.Join(c.WaitEmpty(context.Background()), c.Remove()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// Below makes a cgroup below another, which removes it.
func Below(t testing.TB, c *cgroup.Cgroup, name string) *cgroup.Cgroup {
	t.Helper()
	child := &cgroup.Cgroup{Mount: c.Mount, Path: filepath.Join(c.Path, name)}
	if err := os.MkdirAll(child.Dir(), 0o755); err != nil {
		t.Fatal(err)
	}
	return child
}
