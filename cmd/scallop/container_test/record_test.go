package container_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// recorder is a `scallop record` of one container.
type recorder struct {
	*process.Process
	dir    string
	events events
}

// event is one line of its log.
type event struct {
	Event, Workload, Phase, File string
	Complete                     bool
}

// events reads the log as it is written.
type events struct {
	mu   sync.Mutex
	rest []byte // of a line
	list []event
	bad  error
}

func (e *events) Write(data []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rest = append(e.rest, data...)
	for {
		line, rest, ok := bytes.Cut(e.rest, []byte("\n"))
		if !ok {
			return len(data), nil
		}
		var one event
		if err := json.Unmarshal(line, &one); err != nil {
			e.bad = fmt.Errorf("log %q: %w", line, err)
		}
		e.list, e.rest = append(e.list, one), rest
	}
}

func (e *events) find(match event) (event, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, one := range e.list {
		if one.Event == match.Event && one.Phase == match.Phase {
			return one, e.bad
		}
	}
	return event{}, errors.Join(e.bad, fmt.Errorf("no event %q %s yet", match.Event, match.Phase))
}

// startWaiting is startRecord of a container that is still to come. Its root keeps the containers of
// other tests out, which belong to engines that scallop is not told of.
func startWaiting(t *testing.T, h *host, c container, flags ...string) *recorder {
	t.Helper()
	return startRecord(t, h, slices.Concat(h.coming(c), []string{"--wait", "--root", "/" + h.room.Cgroup}, flags)...)
}

// startRecord returns when scallop has said that nothing is missed from here on.
func startRecord(t *testing.T, h *host, flags ...string) *recorder {
	t.Helper()
	r := &recorder{dir: t.TempDir()}
	args := append([]string{"record", "--output", "json", "-o", r.dir, "--runtime-endpoint", h.endpoint}, flags...)
	cmd := exec.Command(scallop, args...)
	cmd.Env = append(os.Environ(), "SCALLOP_RUNTIME_DIR="+h.room.Dir)
	r.Process = process.Start(t, cmd, &r.events)
	t.Cleanup(func() { r.End(unix.SIGTERM) })
	if err := r.await(event{Event: "recording"}); err != nil {
		r.End(unix.SIGTERM)
		if r.ExitCode() == 3 {
			hosttest.Lack(t, "what recording needs: "+r.Out.String())
		}
		t.Fatalf("scallop record: %v\n%s", err, &r.Out)
	}
	return r
}

func (r *recorder) await(match event) error {
	return poll(func() error {
		_, err := r.events.find(match)
		return err
	}, r.Exited())
}

// finish waits for scallop to end by itself, and reads the one file that it has written.
func (r *recorder) finish(t *testing.T) (string, *recording.Recording) {
	t.Helper()
	select {
	case <-r.Exited():
	case <-time.After(defaultPatience):
		t.Fatalf("scallop goes on after the container's end\n%s", &r.Out)
	}
	if r.ExitCode() != 0 {
		t.Errorf("scallop ended with code %d:\n%s", r.ExitCode(), &r.Out)
	}
	files, err := filepath.Glob(filepath.Join(r.dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, want one: %v\n%s", files, err, &r.Out)
	}
	end, err := r.events.find(event{Event: "end"})
	if err != nil || end.File != files[0] || !end.Complete {
		t.Errorf("end %+v, want the file %s, complete: %v", end, files[0], err)
	}
	return files[0], decode(t, files[0])
}

func decode(t *testing.T, path string) *recording.Recording {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rec, err := recording.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// checkRecording: complete, of this container, with the whole life that it was led through.
func checkRecording(t *testing.T, h *host, c container, path string, rec *recording.Recording) {
	t.Helper()
	checkLosses(t, rec)
	checkIdentity(t, h, c, path, rec)
	for _, call := range calls(rec, recording.PhaseStartup, recording.PhaseSteady, recording.PhaseShutdown) {
		if strings.HasPrefix(call.first.Comm, "runc") {
			t.Errorf("%s in %s was made by %s", call.name, call.phase, call.first.Comm)
		}
	}
}

func checkLosses(t *testing.T, rec *recording.Recording) {
	t.Helper()
	if !rec.Complete || rec.Incomplete != nil {
		t.Errorf("incomplete: %q", rec.Incomplete)
	}
	for reason, n := range rec.Losses {
		if n != 0 {
			t.Errorf("%d %s", n, reason)
		}
	}
}

func checkIdentity(t *testing.T, h *host, c container, path string, rec *recording.Recording) {
	t.Helper()
	id, err := h.id(c.name)
	if err != nil || len(id) != 64 {
		t.Fatalf("id %q: %v", id, err)
	}
	w := rec.Workload
	if w.Container == nil {
		t.Fatal("the recording does not know that this is a container")
	}
	noNewPrivs := "unknown"
	if w.NoNewPrivs != nil {
		noNewPrivs = strconv.FormatBool(*w.NoNewPrivs)
	}
	key, value, _ := strings.Cut(c.label, "=")
	runcVersion := "" // which CRI does not tell
	if !h.pods {
		runcVersion = versionOfRunc(t)
	}
	for _, pair := range []struct{ what, got, want string }{
		{"file", filepath.Base(path), fmt.Sprintf("%s-%s-%s.json", h.kind, h.fullName(c), id[:12])},
		{"kind", w.Kind, recording.KindContainer},
		{"name", w.Name, c.name},
		{"id", w.Container.ID, id},
		{"engine", w.Container.Engine, h.kind},
		{"runtime", w.Container.Runtime, "runc"},
		{"version of the runtime", w.Container.RuntimeVer, runcVersion},
		{"image", w.Container.Image, reference(c.image)},
		{"label", w.Container.Labels[key], value},
		{"no_new_privs", noNewPrivs, strconv.FormatBool(c.noNewPrivs)},
		{"seccomp", strconv.Itoa(w.Seccomp), "0"},
	} {
		if pair.got != pair.want {
			t.Errorf("%s %q, want %q", pair.what, pair.got, pair.want)
		}
	}
	if !strings.HasPrefix(w.Container.ImageDigest, "sha256:") || w.Container.EngineVer == "" {
		t.Errorf("digest of the image %q, version of the engine %q", w.Container.ImageDigest, w.Container.EngineVer)
	}
	if !strings.HasPrefix(w.Cgroup, "/"+h.room.Cgroup+"/") || !strings.HasSuffix(w.Cgroup, id) {
		t.Errorf("cgroup %q is not below /%s, or not of %s", w.Cgroup, h.room.Cgroup, id)
	}
	var pod recording.Pod
	if h.pods {
		pod = recording.Pod{Namespace: podNamespace, Name: podName(c), UID: podUID(c)}
	}
	if got := w.Container.Pod; pod != (recording.Pod{}) && (got == nil || *got != pod) {
		t.Errorf("pod %+v, want %+v", got, pod)
	}
}

// versionOfRunc is in the first line that it prints: "runc version 1.1.5".
func versionOfRunc(t *testing.T) string {
	t.Helper()
	text, err := process.Output(exec.Command("runc", "--version"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimPrefix(line, "runc version ")
}

// checkPhases: these and no others, begun by these triggers. A trigger of two words is a kind and
// the first word of its detail.
func checkPhases(t *testing.T, rec *recording.Recording, want ...[2]string) {
	t.Helper()
	var got [][2]string
	for _, phase := range rec.Phases {
		if phase.Name == recording.PhaseSetup || phase.Name == recording.PhaseHandover {
			continue
		}
		trigger := phase.Trigger.Kind
		if trigger == "signal" {
			trigger += " " + strings.Fields(phase.Trigger.Detail + " ?")[0]
		}
		got = append(got, [2]string{phase.Name, trigger})
		if len(calls(rec, phase.Name)) == 0 {
			t.Errorf("no call in %s", phase.Name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("phases %v, want %v", got, want)
	}
}

// call is the evidence of one call in one phase.
type call struct {
	name, phase string
	count       uint64
	first       recording.FirstCall
}

func calls(rec *recording.Recording, phases ...string) []call {
	var list []call
	for _, syscall := range rec.Syscalls {
		for _, phase := range phases {
			if n := syscall.Phases[phase]; n.Count > 0 {
				list = append(list, call{syscall.Name, phase, n.Count, n.First})
			}
		}
	}
	return list
}

// count of a call in a phase.
func count(rec *recording.Recording, name, phase string) uint64 {
	for _, call := range calls(rec, phase) {
		if call.name == name {
			return call.count
		}
	}
	return 0
}

// exportProfile runs `scallop export` as a user would. The folder is the room's: engines read
// profiles there.
func exportProfile(t *testing.T, h *host, recording, action string) string {
	t.Helper()
	path := filepath.Join(h.room.Dir, room.Unique(action)+".json")
	if _, err := process.Output(exec.Command(scallop, "export", "--format", h.format, "--default-action", action, "-o", path, recording)); err != nil {
		t.Fatal(err)
	}
	return path
}

// allowed are the names in a profile of either format.
func allowed(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var profile struct{ Syscalls []struct{ Names []string } }
	if err := json.Unmarshal(data, &profile); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, rule := range profile.Syscalls {
		names = append(names, rule.Names...)
	}
	return names
}
