// Package verify_test runs `scallop verify` for real: what profiles deny to real servers and to programs that count
// their own calls.
package verify_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// scallop is the program under test, built once.
var scallop string

func TestMain(m *testing.M) { hosttest.MainWithScallop(m, &scallop) }

// report is what `scallop verify --output json` writes, as far as the tests look at it.
type report struct {
	Mode     string
	Started  bool
	End      string
	Phases   []string
	Denied   uint64
	Denials  []denial
	Answered []denial
	Expected *struct {
		UnreachedPhases, UnmadeCalls []string
	}
	Incomplete []string

	code   int
	stdout string
	stderr string
}

type denial struct {
	ABI, Name, Phase, Action, Errno, Args, Comm, Exe, Note string
	Nr, PID, TID                                           int
	Count                                                  uint64
	OffsetNs, LastNs                                       int64
}

// of are the denials of a call.
func (r *report) of(name string) []denial {
	return slices.DeleteFunc(slices.Clone(r.Denials), func(d denial) bool { return d.Name != name })
}

func (r *report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "exit code %d, the command %s\n", r.code, r.End)
	for _, d := range r.Denials {
		fmt.Fprintf(&b, "%+v\n", d)
	}
	return b.String() + r.stderr
}

// nothing: a green run.
func (r *report) nothing(t *testing.T) {
	t.Helper()
	if r.code != 0 || len(r.Denials) != 0 || len(r.Incomplete) != 0 || !r.Started {
		t.Errorf("something was denied, or not everything seen: %v\n%s", r.Incomplete, r)
	}
}

// verify runs the command line to its end.
func verify(t *testing.T, args ...string) *report {
	t.Helper()
	out := filepath.Join(t.TempDir(), "report.json")
	cmd := exec.Command(scallop, append([]string{"verify", "--output", "json", "-o", out}, args...)...)
	return finish(t, cmd, out)
}

func finish(t *testing.T, cmd *exec.Cmd, out string) *report {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if _, err := os.Stat(out); err != nil {
		t.Fatalf("no report: %s", &stderr)
	}
	r := readReport(t, out)
	r.code, r.stdout, r.stderr = cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
	return r
}

func readReport(t *testing.T, path string) *report {
	t.Helper()
	r := &report{}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, r); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return r
}

// run runs a program that must succeed.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, out, &stderr)
	}
	return string(out)
}

// recorded profiles a command and returns the recording's file.
func recorded(t *testing.T, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recording.json")
	run(t, scallop, append([]string{"run", "-q", "-o", path}, args...)...)
	return path
}

// exported makes the recording's profile for a command without any runtime.
func exported(t *testing.T, recording string, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "profile.json")
	args := append([]string{"export", "--runtime", "none", "-o", path}, flags...)
	run(t, scallop, append(args, recording)...)
	return path
}

// written is a profile that the test has thought out: what of names is allowed.
func written(t *testing.T, profile string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "profile.json")
	if err := os.WriteFile(path, []byte(profile), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
