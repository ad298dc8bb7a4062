package container_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// needed is a call of each server's startup without which it does not start.
var needed = map[string]string{"nginx": "bind", "redis": "listen", "postgres": "fdatasync"}

// testDenials: while a start under a profile without one call fails, `scallop denials` tells which call, by which program,
// in which phase. The profile that it proposes allows that as well, and no more than the recording's whole one; under it the start
// succeeds, and nothing is denied.
func testDenials(t *testing.T, h *host, s server, recordingPath string) {
	t.Helper()
	whole := exportProfile(t, h, recordingPath, "errno")
	call := needed[s.name]
	profile, proposed := without(t, whole, call), filepath.Join(h.room.Dir, room.Unique("proposed")+".json")
	r, code, failed := denialsOf(t, h, s, profile, "--profile", profile, "--recording", recordingPath, "--propose", proposed)
	if failed == nil || code != 1 || len(r.Workloads) != 1 || !r.Complete {
		t.Fatalf("%s without %s: %v, exit code %d, %v, %+v", s.name, call, failed, code, r.Incomplete, r.Workloads)
	}
	w := r.Workloads[0]
	if w.Kind != recording.KindContainer || w.Container == nil || w.Container.Engine != h.kind {
		t.Errorf("denied to %+v", w)
	}
	for _, d := range w.Denials {
		t.Logf("%s: %s denied %d times in %s to %s (%s), returning %d", w.Name, d.Name, d.Count, d.Phase, d.Who.Comm, d.Who.Exe, *d.Return)
		if d.Name != call || d.Phase != recording.PhaseStartup || filepath.Base(d.Who.Exe) != s.program || len(d.Who.Args) != 6 || len(d.Who.Stack) == 0 {
			t.Errorf("want %s alone, by %s: %+v", call, s.program, d)
		}
	}
	if got, want := distinct(allowed(t, proposed)), distinct(allowed(t, whole)); !slices.Equal(got, want) {
		t.Errorf("proposed %v, want %v", got, want)
	}
	if r, code, failed := denialsOf(t, h, s, proposed); failed != nil || code != 0 || len(r.Workloads) != 0 || !r.Complete {
		t.Errorf("under the proposed profile: %v, exit code %d, %v, %+v", failed, code, r.Incomplete, r.Workloads)
	}
}

func distinct(names []string) []string { return slices.Compact(slices.Sorted(slices.Values(names))) }

// denialsOf watches while a server is led through its life under a profile, as far as it comes; failed is where it ended early.
func denialsOf(t *testing.T, h *host, s server, profile string, flags ...string) (r *report.Report, code int, failed error) {
	t.Helper()
	l := &life{host: h, server: s, c: container{name: room.Unique(s.name), profile: profile}}
	file := filepath.Join(t.TempDir(), "denials.json")
	args := append([]string{"denials", "--output", "json", "-o", file, "--args", "--stack", "--runtime-endpoint", h.endpoint,
		"--wait", "--root", "/" + h.room.Cgroup}, slices.Concat(h.coming(l.c), flags)...)
	cmd := exec.Command(scallop, args...)
	cmd.Env = append(os.Environ(), "SCALLOP_RUNTIME_DIR="+h.room.Dir)
	log := &recorded.Log{}
	p := process.Start(t, cmd, log)
	t.Cleanup(func() { p.End(unix.SIGTERM) })
	if err := poll(func() error { _, err := log.Find("watching", ""); return err }, p.Exited()); err != nil {
		t.Fatalf("scallop denials: %v\n%s", err, &p.Out)
	}
	failed = l.lead(t)
	h.remove(l.c.name)
	select {
	case <-p.Exited():
	case <-time.After(defaultPatience):
		t.Fatalf("scallop goes on after the container's end\n%s", &p.Out)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatalf("no report: %s", &p.Out)
	}
	defer f.Close()
	if r, err = report.Decode(f); err != nil {
		t.Fatal(err)
	}
	return r, p.ExitCode(), failed
}
