package layout_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// containerID is of no engine: the path of its cgroup tells that it is a container.
var containerID = strings.Repeat("c0ffee00", 8)

// A cgroup, a container by its path, since there is no engine, and everything.
func TestRecord(t *testing.T) {
	_, want := layout(t)
	if want.refused != "" && want.args == nil {
		t.Skip("nothing can be recorded here: see TestRun")
	}
	mount, err := cgroup.FindMount()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args    []string
		cgroups []string // below the test's own
	}{
		"cgroup":    {[]string{"--cgroup", "/layout/named", "--wait"}, []string{"named"}},
		"container": {[]string{"--cgroup", "/layout/" + containerID, "--wait"}, []string{containerID}},
		"all":       {[]string{"--all", "--root", "/layout"}, []string{"a", "b.service", containerID}},
	} {
		t.Run(name, func(t *testing.T) {
			top := folder(t, mount, "layout")
			out := t.TempDir()
			end := record(t, append(append([]string{"record", "--output", "json", "-o", out}, test.args...), want.args...)...)
			for _, name := range test.cgroups {
				runIn(t, folder(t, mount, filepath.Join(top.Path, name)))
			}
			end()
			files, err := filepath.Glob(filepath.Join(out, "*.json"))
			if err != nil || len(files) != len(test.cgroups) {
				t.Fatalf("recordings %q of %q, %v", files, test.cgroups, err)
			}
			for _, file := range files {
				exact(t, read(t, file), 1)
			}
		})
	}
}

// folder makes a cgroup, which is gone after the test.
func folder(t *testing.T, mount cgroup.Mount, path string) *cgroup.Cgroup {
	t.Helper()
	c := &cgroup.Cgroup{Mount: mount, Path: filepath.Join("/", path)}
	if err := os.Mkdir(c.Dir(), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Remove() })
	return c
}

// record starts a recorder, and returns what ends it.
func record(t *testing.T, args ...string) (end func()) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	file, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(scallop, args...)
	cmd.Stdout, cmd.Stderr = file, file
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	for range 300 {
		text, _ := os.ReadFile(log)
		if strings.Contains(string(text), "\"recording\"") {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return func() {
		t.Helper()
		_ = cmd.Process.Signal(syscall.SIGINT) // it may have ended with its workload
		if err := cmd.Wait(); err != nil {
			text, _ := os.ReadFile(log)
			t.Fatalf("%v: %s", err, text)
		}
	}
}

// runIn runs the program in a cgroup as container runtimes do: a process writes itself into it, and executes it.
func runIn(t *testing.T, c *cgroup.Cgroup) {
	t.Helper()
	program := hosttest.Program(t, "calls", "-static", "-pthread")
	script := `echo $$ >"$0/cgroup.procs" && exec "$@"`
	cmd := exec.Command("/bin/sh", "-c", script, c.Dir(), program, fmt.Sprint(threads), fmt.Sprint(calls()))
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}
