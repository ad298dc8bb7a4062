package container_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/denials/report"
)

// TestPatch: a profile lacks a call that a server needs to start. `scallop denials` names it while the start fails, and
// proposes the profile under which the same life goes to its end with nothing denied.
func TestPatch(t *testing.T) {
	need(t, "dockerd", "docker.io", "docker", "docker.io", "runc", "runc", "nginx", "nginx-light", "redis-server", "redis-server",
		"busybox", "busybox-static", "unshare", "util-linux")
	t.Parallel()
	h := startDocker(t)
	for _, r := range []removal{{nginx, "bind", stepReady}, {redis, "bind", stepReady}, {postgres, "fdatasync", stepReady}} {
		t.Run(r.server.name, func(t *testing.T) { testPatch(t, h, r) })
	}
}

func testPatch(t *testing.T, h *host, r removal) {
	path := record(t, h, r.server, false)
	profile := without(t, exportProfile(t, h, path, "errno"), r.call)
	patched := filepath.Join(filepath.Dir(profile), uniqueName("patched")+".json")

	denied, result := watchedLife(t, h, r, profile, "--profile", profile, "--recording", path, "--propose", patched)
	i := slices.IndexFunc(denied, func(d report.Denial) bool { return d.Name == r.call })
	if i < 0 || denied[i].Phase != "startup" || denied[i].Action != report.Errno || !strings.HasPrefix(denied[i].Who.Comm, r.server.program[:5]) {
		t.Fatalf("not told of %s: %+v", r.call, denied)
	}
	if len(result.Findings) != 1 || result.Findings[0].Subject != r.call || result.Findings[0].Denial.Cause != "not-exported" {
		t.Errorf("not told why it is missing: %+v", result)
	}
	r.failsAt = ""
	if denied, _ := watchedLife(t, h, r, patched); len(denied) > 0 {
		t.Errorf("denied under the proposed profile: %+v", denied)
	}
}

// checked is the line of --output json about a profile.
type checked struct {
	Kind     string
	Findings []struct {
		Subject string
		Denial  struct{ Cause string }
	}
}

// watchedLife leads a server through its life under a profile, and returns what scallop told of it from outside.
func watchedLife(t *testing.T, h *host, r removal, profile string, flags ...string) ([]report.Denial, checked) {
	t.Helper()
	l := &life{host: h, server: r.server, c: container{name: uniqueName(r.server.name), profile: profile}}
	file := filepath.Join(t.TempDir(), "denials.json")
	args := slices.Concat([]string{"denials", "--wait", "--root", "/" + h.room.cgroup, "--runtime-endpoint", h.endpoint, "--output", "json", "-o", file},
		h.coming(l.c), flags)
	cmd := exec.Command(scallop, args...)
	cmd.Env = append(os.Environ(), "SCALLOP_RUNTIME_DIR="+h.room.dir)
	var log lines
	w := startProgram(t, cmd, &log)
	t.Cleanup(func() { w.end(unix.SIGTERM) })
	await(t, w, log.begun)

	err := l.lead(t)
	if failedAt(err) != r.failsAt && (err != nil || r.failsAt != "") {
		t.Errorf("under %s it failed at %q, want %q: %v\n%s", filepath.Base(profile), failedAt(err), r.failsAt, err, h.logs(l.c.name))
	}
	h.remove(l.c.name)
	select {
	case <-w.exited():
	case <-time.After(defaultPatience):
		t.Fatalf("scallop goes on after the container's end\n%s", &w.out)
	}
	return readDenials(t, file), log.result(t)
}

func readDenials(t *testing.T, file string) []report.Denial {
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
	if !r.Complete {
		t.Errorf("incomplete: %v", r.Incomplete)
	}
	var list []report.Denial
	for _, w := range r.Workloads {
		list = append(list, w.Denials...)
	}
	return list
}

// lines is what a program writes, line by line.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(data)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// begun is nil once the first line is there: everything is attached.
func (l *lines) begun() error {
	if !strings.Contains(l.String(), `"event":"watching"`) {
		return errors.New("not watching yet")
	}
	return nil
}

// result is the line about the profile, empty if there is none.
func (l *lines) result(t *testing.T) checked {
	t.Helper()
	var c checked
	for text := range strings.Lines(l.String()) {
		var one checked
		if err := json.Unmarshal([]byte(text), &one); err != nil {
			t.Fatal(err)
		}
		if one.Kind == "CheckResult" {
			c = one
		}
	}
	return c
}
