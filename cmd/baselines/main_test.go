package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/cmd/internal/devtool"
	"github.com/scallop-sec/scallop/exporter/baselines"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// TestMeasure measures the runc of this host, each kind of start once, with both sources: they agree, or there
// is no baseline. What it calls must be known from the shipped ones, or profiles lack it.
func TestMeasure(t *testing.T) {
	hosttest.Root(t)
	runc := hosttest.Tool(t, "runc", "runc")
	hosttest.Tool(t, "strace", "strace")
	hosttest.Tool(t, "busybox", "busybox-static")
	var stdout, stderr bytes.Buffer
	if code := devtool.Run(t.Context(), "baselines", run, []string{"--runtime", runc, "--starts", "1", "-o", "-"}, &stdout, &stderr); code != 0 {
		t.Fatalf("code %d: %s", code, stderr.String())
	}
	b, err := baselines.Decode(&stdout)
	if err != nil {
		t.Fatal(err)
	}
	known := shippedNames(t, b.Runtime)
	for _, s := range b.Settings {
		if len(s.Failed) > 0 || s.Total() != len(kinds) {
			t.Errorf("no_new_privs %t: %d starts, failed %v", s.NoNewPrivs, s.Total(), s.Failed)
		}
		for _, c := range s.Calls {
			if !known[c.Name] {
				t.Errorf("no_new_privs %t: %s %s calls %s, which no shipped baseline has: run `make baselines` and commit its file",
					s.NoNewPrivs, b.Runtime, b.Version, c.Name)
			}
		}
	}
	nothingLeft(t)
}

// goRuntime are calls of any program in Go at any time, which package exporter adds without measurements.
const goRuntime = "clock_gettime epoll_pwait futex gettid madvise mmap munmap nanosleep rt_sigaction rt_sigprocmask rt_sigreturn sched_yield sigaltstack tgkill"

func shippedNames(t *testing.T, family string) map[string]bool {
	t.Helper()
	list, err := baselines.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, name := range strings.Fields(goRuntime) {
		names[name] = true
	}
	for _, b := range list {
		for _, s := range b.Settings {
			for _, c := range s.Calls {
				names[c.Name] = names[c.Name] || b.Runtime == family
			}
		}
	}
	return names
}

func nothingLeft(t *testing.T) {
	t.Helper()
	mount, err := cgroup.FindMount()
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{filepath.Join(mount.Path, "scallop-baselines-*"), filepath.Join(os.TempDir(), "scallop-baselines-*")} {
		if left, _ := filepath.Glob(pattern); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, tc := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--starts", "0"}, 2, "give at least 1"},
		{[]string{"--sources", "perf"}, 2, "use one of both, recorder, strace"},
		{[]string{"runc"}, 2, "unexpected argument \"runc\""},
		{[]string{"--bogus"}, 2, "unknown flag"},
		{[]string{"--help"}, 0, "Example: go run ./cmd/baselines"},
	} {
		var stdout, stderr bytes.Buffer
		if code := devtool.Run(t.Context(), "baselines", run, tc.args, &stdout, &stderr); code != tc.code || !strings.Contains(stderr.String(), tc.want) {
			t.Errorf("%v: code %d: %s", tc.args, code, stderr.String())
		}
	}
}

func TestNoSuchRuntime(t *testing.T) {
	hosttest.Root(t)
	for _, name := range []string{"no-such-runtime", "/bin/true"} {
		var stdout, stderr bytes.Buffer
		if code := devtool.Run(t.Context(), "baselines", run, []string{"--runtime", name}, &stdout, &stderr); code != 3 || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%s: code %d: %s", name, code, stderr.String())
		}
	}
	nothingLeft(t)
}
