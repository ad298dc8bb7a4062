package crun_test

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

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/hosttest/process"
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

// startRecord returns when scallop has said that nothing is missed from here on.
func startRecord(t *testing.T, flags ...string) *recorder {
	t.Helper()
	r := &recorder{dir: t.TempDir()}
	cmd := exec.Command("scallop", append([]string{"record", "--output", "json", "-o", r.dir}, flags...)...)
	cmd.Env = append(os.Environ(), "SCALLOP_RUNTIME_DIR="+t.TempDir())
	r.Process = process.Start(t, cmd, &r.events)
	t.Cleanup(func() { r.End(unix.SIGTERM) })
	if err := r.await(event{Event: "recording"}); err != nil {
		r.End(unix.SIGTERM)
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

// finish reads the one file that scallop has written. It ends by itself if it was told of one
// container only; after --all, it waits for more.
func (r *recorder) finish(t *testing.T) (string, *recording.Recording) {
	t.Helper()
	if err := r.await(event{Event: "end"}); err != nil && !errors.Is(err, process.ErrEnded) {
		t.Fatalf("scallop: %v\n%s", err, &r.Out)
	}
	if slices.Contains(r.Cmd.Args, "--all") {
		r.End(unix.SIGINT)
	}
	select {
	case <-r.Exited():
	case <-time.After(patience):
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
	return files[0], readRecording(t, files[0])
}

// readRecording also checks that it is complete.
func readRecording(t *testing.T, path string) *recording.Recording {
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
	if !rec.Complete || rec.Incomplete != nil || rec.Unreached != nil {
		t.Errorf("incomplete: %q, unreached %v", rec.Incomplete, rec.Unreached)
	}
	for reason, n := range rec.Losses {
		if n != 0 {
			t.Errorf("%d %s", n, reason)
		}
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

// exportProfile runs `scallop export` as a user would, and reads what goes into a bundle.
func exportProfile(t *testing.T, recording, action string, flags ...string) *specs.LinuxSeccomp {
	t.Helper()
	path := filepath.Join(t.TempDir(), "profile.json")
	args := append([]string{"export", "--runtime", "crun", "--format", "oci", "--default-action", action, "-o", path}, flags...)
	if _, err := process.Output(exec.Command("scallop", append(args, recording)...)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var profile specs.LinuxSeccomp
	if err := json.Unmarshal(data, &profile); err != nil {
		t.Fatal(err)
	}
	return &profile
}

// allowed are the names in a profile.
func allowed(profile *specs.LinuxSeccomp) []string {
	var names []string
	for _, rule := range profile.Syscalls {
		names = append(names, rule.Names...)
	}
	return names
}
