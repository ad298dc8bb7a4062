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
	Help()
	os.Exit(m.Run())
}

// Help does not return if this program was started as its own helper.
func Help() {
	if slices.Equal(os.Args[1:], []string{confine.Command}) {
		fmt.Fprintln(os.Stderr, confine.Exec())
		os.Exit(2)
	}
}
