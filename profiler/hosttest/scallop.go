package hosttest

import (
	"fmt"
	"os"
	"testing"
)

// MainWithScallop is TestMain of packages that run scallop: it is built once, and its path is set. Folders of its own keep
// its sockets away from others.
func MainWithScallop(m *testing.M, path *string) {
	Help()
	os.Exit(runWithScallop(m, path))
}

func runWithScallop(m *testing.M, path *string) int {
	if os.Geteuid() != 0 {
		return m.Run() // every test says then that it needs root
	}
	// Engines and servers are started by root, and Debian does not give root's PATH to everyone.
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	dir, err := os.MkdirTemp("", "scallop-test-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	os.Setenv("SCALLOP_RUNTIME_DIR", dir)
	if *path, err = Scallop(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
