package denials_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/scallop-sec/scallop/profiler/audit/audittest"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// scallop denials --audit --follow tells of denials of any process of the host as they happen, with the workload of those that live.
func TestFollow(t *testing.T) {
	hosttest.Root(t)
	audittest.Start(t) // or this host has no audit records at all
	file := filepath.Join(t.TempDir(), "denials.json")
	cmd := exec.Command(scallop, "denials", "--audit", "--follow", "--output", "json", "-o", file)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	next := func() (e event) {
		if !lines.Scan() {
			t.Fatal("it ended", lines.Err())
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		return e
	}
	if first := next(); first.Event != "watching" {
		t.Errorf("first %+v", first)
	}
	mount, err := cgroup.FindMount()
	if err != nil {
		t.Fatal(err)
	}
	own, err := mount.Own()
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		nr := audittest.DenyOneCall(t)
		e := next()
		for e.Denial == nil || e.Denial.Nr != nr || e.Denial.Who.PID != os.Getpid() { // others of the host have calls denied, too
			e = next()
		}
		if e.Event != "denied" || e.Cgroup != own || e.Denial.Action != report.Log || e.Denial.Source != report.Audit || e.Denial.Count != 1 {
			t.Errorf("%+v", e)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	exit := (*exec.ExitError)(nil)
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("%v, not exit code 1", err)
	}
	checkFollowed(t, file)
}

func checkFollowed(t *testing.T, file string) {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	r, err := report.Decode(in)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, w := range r.Workloads {
		for _, d := range w.Denials {
			if d.Who.PID == os.Getpid() && d.Count == 1 && w.Kind != report.KindUnknown {
				n++
			}
		}
	}
	if n != 3 || !r.Complete || r.Host.Architecture == "" {
		t.Errorf("%d of 3 denials; %v; %+v", n, r.Incomplete, r.Host)
	}
}
