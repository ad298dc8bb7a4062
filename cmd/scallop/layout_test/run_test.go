package layout_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// threads and calls of each, of the program that counts for itself.
const threads = 16

func calls() int { return hosttest.Times(20_000) }

func TestRun(t *testing.T) {
	_, want := layout(t)
	runExactly(t, want.refused)
}

// With the types from a file, a kernel without BTF is recorded all the same.
func TestRunWithTypes(t *testing.T) {
	name, want := layout(t)
	if name != "no-btf" {
		t.Skip("this kernel tells its types")
	}
	runExactly(t, "", want.args...)
	checks, code := doctor(t, want.args...)
	if code != 0 || !strings.HasPrefix(checks["btf"], "ok from the file") || !strings.HasPrefix(checks["raw_tracepoint"], "ok self-test") {
		t.Errorf("exit code %d: %v", code, checks)
	}
	if !strings.HasPrefix(checks["tp_btf"], "warn") {
		t.Errorf("tp_btf: %s", checks["tp_btf"])
	}
}

// runExactly records a program that tells what it calls, or wants that refused with code 3.
func runExactly(t *testing.T, refused string, args ...string) {
	t.Helper()
	program := hosttest.Program(t, "calls", "-static", "-pthread")
	out := filepath.Join(t.TempDir(), "recording.json")
	args = append(append([]string{"run", "-o", out}, args...), "--", program, fmt.Sprint(threads), fmt.Sprint(calls()))
	code, _, stderr := command(t, args...)
	if refused != "" {
		if code != 3 || !strings.Contains(stderr, refused) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("exit code %d, want 3 and %q: %s", code, refused, stderr)
		}
		return
	}
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	exact(t, read(t, out), 1)
}

func read(t *testing.T, path string) *recording.Recording {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := recording.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// exact wants every call of that many programs, all in startup, and nothing lost.
func exact(t *testing.T, r *recording.Recording, programs int) {
	t.Helper()
	if !r.Complete {
		t.Errorf("%s is incomplete: %v %v", r.Workload.Name, r.Incomplete, r.Losses)
	}
	want := uint64(programs * threads * calls())
	for _, s := range r.Syscalls {
		if s.Name != "getppid" {
			continue
		}
		if s.Total != want || s.Phases[recording.PhaseStartup].Count != want {
			t.Errorf("%s: %d getppid, %d of them in startup; %d were made", r.Workload.Name, s.Total, s.Phases[recording.PhaseStartup].Count, want)
		}
		return
	}
	t.Errorf("%s: no getppid", r.Workload.Name)
}
