package hosttest

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/scallop-sec/scallop/profiler/confine"
)

// Main is TestMain of test programs that start commands: each is its own helper (confine.Exec), as scallop is.
func Main(m *testing.M) {
	if slices.Equal(os.Args[1:], []string{confine.Command}) {
		fmt.Fprintln(os.Stderr, confine.Exec())
		os.Exit(2)
	}
	os.Exit(m.Run())
}
