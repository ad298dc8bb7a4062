// Package denials_test runs `scallop denials` for real: beside programs that count what is denied to them, and beside
// load to which nothing is.
package denials_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/launch"
)

// scallop is the program under test, built once.
var scallop string

func TestMain(m *testing.M) { hosttest.MainWithScallop(m, &scallop) }

// in runs a program in the cgroup.
func in(t *testing.T, c *cgroup.Cgroup, output io.Writer, args ...string) *exec.Cmd {
	t.Helper()
	cmd, err := launch.Start(launch.Options{Args: args, Env: os.Environ(), Stdout: output, Stderr: output, Cgroup: c})
	if err != nil {
		t.Fatal(err)
	}
	return cmd
}

// event is a line of its log.
type event struct {
	APIVersion, Event, Workload, Cgroup string
	More                                uint64
	Denial                              *report.Denial
}

// watcher is a `scallop denials`.
type watcher struct {
	cmd    *exec.Cmd
	file   string
	stdout process.Text
	stderr bytes.Buffer
}

func (w *watcher) text() string { return w.stdout.String() }

// watch returns when scallop has said that nothing is missed from here on.
func watch(t *testing.T, flags ...string) *watcher {
	t.Helper()
	w := &watcher{file: filepath.Join(t.TempDir(), "report.json")}
	w.cmd = exec.Command(scallop, slices.Concat([]string{"denials", "--output", "json", "-o", w.file}, flags)...)
	w.cmd.Stdout, w.cmd.Stderr = &w.stdout, &w.stderr
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.cmd.Process.Kill() })
	w.until(t, `"event":"watching"`)
	return w
}

// until returns when its log has the text.
func (w *watcher) until(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(w.text(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("scallop denials does not say %s:\n%s%s", text, w.text(), &w.stderr)
		}
	}
}

// end tells scallop to end, and returns its report and exit code.
func (w *watcher) end(t *testing.T) (*report.Report, int) {
	t.Helper()
	_ = w.cmd.Process.Signal(syscall.SIGTERM)
	_ = w.cmd.Wait() // the code is looked at
	f, err := os.Open(w.file)
	if err != nil {
		t.Fatalf("no report: %s", &w.stderr)
	}
	defer f.Close()
	r, err := report.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return r, w.cmd.ProcessState.ExitCode()
}

// events reads the log.
func (w *watcher) events(t *testing.T) []event {
	t.Helper()
	var list []event
	for line := range strings.Lines(w.text()) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.APIVersion != report.APIVersion {
			t.Fatalf("%q: %v", line, err)
		}
		list = append(list, e)
	}
	return list
}
