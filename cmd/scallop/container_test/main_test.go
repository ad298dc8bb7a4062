// Package container_test judges recordings of containers: Docker, containerd through
// its CRI plugin, and Podman start real servers, scallop records them from outside, and
// each engine runs them again under the exported profile.
package container_test

import (
	"flag"
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
	flag.Parse()
	// The tests wait for engines, and for servers to settle, more than they compute.
	flag.Set("test.parallel", "6")
	// Engines and servers are started by root, and Debian does not give root's PATH to everyone.
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	dir, err := os.MkdirTemp("", "scallop-container-bin-")
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
		t.Skip("takes a minute: run without -short")
	}
	hosttest.Root(t)
	for i := 0; i < len(pairs); i += 2 {
		hosttest.Tool(t, pairs[i], pairs[i+1])
	}
}

// output runs a program to its end and returns what it wrote; its errors carry that too.
func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
