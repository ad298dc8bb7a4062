// Package enforce_test judges exported profiles by what real servers do under
// them: it records a server with scallop, and has runc, Docker and Podman load the
// profile and lead the same server through the same life.
package enforce_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// scallop is the program under test, built once.
var scallop string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	if os.Geteuid() != 0 {
		return m.Run() // every test says then that it needs root
	}
	// Servers are started by root, and Debian does not give root's PATH to everyone.
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	dir, err := os.MkdirTemp("", "scallop-enforce-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if scallop, err = hosttest.Scallop(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// need names what a test needs of the host and does not find: programs and the Debian
// packages that have them, in turn.
func need(t *testing.T, pairs ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes seconds: run without -short")
	}
	hosttest.Root(t)
	for i := 0; i < len(pairs); i += 2 {
		hosttest.Tool(t, pairs[i], pairs[i+1])
	}
}

// output runs a program to its end and returns what it wrote; its errors carry that too.
func output(name string, args ...string) (string, error) {
	return outputOf(exec.Command(name, args...))
}

func outputOf(cmd *exec.Cmd) (string, error) {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// sharedDir is a folder that servers may enter after they have dropped root, which
// t.TempDir is not. Its path is the same in every container.
func sharedDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "scallop-enforce-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
