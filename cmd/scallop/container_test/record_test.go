package container_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// startWaiting is startRecord of a container that is still to come. Its root keeps the containers of
// other tests out, which belong to engines that scallop is not told of.
func startWaiting(t *testing.T, h *host, c container, flags ...string) *recorded.Recorder {
	t.Helper()
	return startRecord(t, h, slices.Concat(h.coming(c), []string{"--wait", "--root", "/" + h.room.Cgroup}, flags)...)
}

// startRecord returns when scallop has said that nothing is missed from here on.
func startRecord(t *testing.T, h *host, flags ...string) *recorded.Recorder {
	t.Helper()
	return recorded.Start(t, defaultPatience, scallop, h.room.Dir, append([]string{"--runtime-endpoint", h.endpoint}, flags...)...)
}

// finish waits for scallop to end by itself, and reads the one file that it has written.
func finish(t *testing.T, r *recorded.Recorder) (string, *recording.Recording) {
	t.Helper()
	path := r.File(t)
	return path, recorded.Read(t, path)
}

// checkRecording: complete, of this container, with the whole life that it was led through.
func checkRecording(t *testing.T, h *host, c container, path string, rec *recording.Recording) {
	t.Helper()
	recorded.CheckComplete(t, rec)
	checkIdentity(t, h, c, path, rec)
	for _, call := range recorded.Calls(rec, recording.PhaseStartup, recording.PhaseSteady, recording.PhaseShutdown) {
		if strings.HasPrefix(call.First.Comm, "runc") {
			t.Errorf("%s in %s was made by %s", call.Name, call.Phase, call.First.Comm)
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
