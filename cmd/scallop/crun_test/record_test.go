package crun_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/hosttest/bundle"
	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// startRecord returns when scallop has said that nothing is missed from here on.
func startRecord(t *testing.T, flags ...string) *recorded.Recorder {
	t.Helper()
	return recorded.Start(t, patience, "scallop", t.TempDir(), flags...)
}

// finish reads the one file that scallop has written. It ends by itself if it was told of one
// container only; after --all, it waits for more.
func finish(t *testing.T, r *recorded.Recorder) (string, *recording.Recording) {
	t.Helper()
	if err := r.AwaitEvent("end", ""); err != nil && !errors.Is(err, process.ErrEnded) {
		t.Fatalf("scallop: %v\n%s", err, &r.Out)
	}
	if slices.Contains(r.Cmd.Args, "--all") {
		r.End(unix.SIGINT)
	}
	path := r.File(t)
	return path, readRecording(t, path)
}

// readRecording also checks that it is complete.
func readRecording(t *testing.T, path string) *recording.Recording {
	t.Helper()
	rec := recorded.Read(t, path)
	recorded.CheckComplete(t, rec)
	if rec.Unreached != nil {
		t.Errorf("unreached %v", rec.Unreached)
	}
	return rec
}

// checkIdentity: there is no engine to ask, so all is from the cgroup's path and the kernel.
func checkIdentity(t *testing.T, c *container, rec *recording.Recording) {
	t.Helper()
	w := rec.Workload
	if w.Container == nil {
		t.Fatal("the recording does not know that this is a container")
	}
	noNewPrivs := "unknown"
	if w.NoNewPrivs != nil {
		noNewPrivs = strconv.FormatBool(*w.NoNewPrivs)
	}
	mode := 0
	if c.profile != nil {
		mode = 2
	}
	for _, pair := range []struct{ what, got, want string }{
		{"kind", w.Kind, recording.KindContainer},
		{"id", w.Container.ID, c.id},
		{"cgroup", w.Cgroup, c.cgroup()},
		{"no_new_privs", noNewPrivs, strconv.FormatBool(c.noNewPrivs)},
		{"seccomp", strconv.Itoa(w.Seccomp), strconv.Itoa(mode)},
	} {
		if pair.got != pair.want {
			t.Errorf("%s %q, want %q", pair.what, pair.got, pair.want)
		}
	}
}

// exportProfile runs `scallop export` as a user would, and reads what goes into a bundle.
func exportProfile(t *testing.T, recording, action string, flags ...string) *specs.LinuxSeccomp {
	t.Helper()
	path := filepath.Join(t.TempDir(), "profile.json")
	args := append([]string{"export", "--runtime", "crun", "--format", "oci", "--default-action", action, "-o", path}, flags...)
	if _, err := process.Output(exec.Command("scallop", append(args, recording)...)); err != nil {
		t.Fatal(err)
	}
	return bundle.Profile(t, path)
}
