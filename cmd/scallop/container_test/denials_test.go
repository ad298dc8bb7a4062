package container_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// needed is a call of each server's startup without which it does not start.
var needed = map[string]string{"nginx": "bind", "redis": "listen", "postgres": "fdatasync"}

// testDenials: while a start under a profile without one call fails, `scallop denials` tells which call, by which program,
// in which phase. The recording's whole profile denies nothing.
func testDenials(t *testing.T, h *host, s server, recordingPath string) {
	t.Helper()
	profile := exportProfile(t, h, recordingPath, "errno")
	call := needed[s.name]
	r, code := denialsOf(t, h, s, without(t, profile, call))
	if code != 1 || len(r.Workloads) != 1 || !r.Complete {
		t.Fatalf("%s without %s: exit code %d, %v, %+v", s.name, call, code, r.Incomplete, r.Workloads)
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
	if r, code := denialsOf(t, h, s, profile); code != 0 || len(r.Workloads) != 0 || !r.Complete {
		t.Errorf("under the whole profile: exit code %d, %v, %+v", code, r.Incomplete, r.Workloads)
	}
}

// denialsOf watches while a server is led through its life under a profile, as far as it comes.
func denialsOf(t *testing.T, h *host, s server, profile string) (r *report.Report, code int) {
	t.Helper()
	l := &life{host: h, server: s, c: container{name: uniqueName(s.name), profile: profile}}
	file := filepath.Join(t.TempDir(), "denials.json")
	args := append([]string{"denials", "--output", "json", "-o", file, "--args", "--stack", "--runtime-endpoint", h.endpoint,
		"--wait", "--root", "/" + h.room.cgroup}, h.coming(l.c)...)
	cmd := exec.Command(scallop, args...)
	cmd.Env = append(os.Environ(), "SCALLOP_RUNTIME_DIR="+h.room.dir)
	log := &events{}
	p := startProgram(t, cmd, log)
	t.Cleanup(func() { p.end(unix.SIGTERM) })
	if err := poll(func() error { _, err := log.find(event{Event: "watching"}); return err }, p.exited()); err != nil {
		t.Fatalf("scallop denials: %v\n%s", err, &p.out)
	}
	if err := l.lead(t); err != nil {
		t.Logf("%s: %v", s.name, err)
	}
	h.remove(l.c.name)
	select {
	case <-p.exited():
	case <-time.After(defaultPatience):
		t.Fatalf("scallop goes on after the container's end\n%s", &p.out)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatalf("no report: %s", &p.out)
	}
	defer f.Close()
	if r, err = report.Decode(f); err != nil {
		t.Fatal(err)
	}
	return r, p.exitCode()
}
