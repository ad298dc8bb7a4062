// Package layout_test tells what scallop does on hosts that lack something or are laid out in another way: every count is
// exact, or an error names the next step. It runs in the guests of `make test-layouts` and, for the layout that those of
// `make test-kernels` have, there.
package layout_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// layoutName is set by cmd/kernels.
const layoutName = "SCALLOP_TEST_LAYOUT"

// scallop is the program under test.
var scallop string

func TestMain(m *testing.M) {
	if os.Getenv(layoutName) == "" {
		os.Exit(m.Run()) // every test says then what it needs
	}
	hosttest.MainWithScallop(m, &scallop)
}

// layout is the one of this guest.
func layout(t *testing.T) (string, expectation) {
	t.Helper()
	hosttest.OwnMachine(t, "it is laid out as a test of `make test-layouts` needs it")
	name := os.Getenv(layoutName)
	want, ok := expectations[name]
	if !ok {
		t.Fatalf("%s=%q: what is expected there?", layoutName, name)
	}
	return name, want
}

// command runs scallop to its end.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(scallop, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}
