package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
	"github.com/scallop-sec/scallop/profiler/launch"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// server lives until its stop signal, in whose handler it ends.
var server = []string{"/bin/sh", "-c", `trap 'exit 7' TERM; while :; do sleep 0.05; done`}

// scene is a place with a cgroup for workloads, below which alone is recorded.
type scene struct {
	*place
	top *cgroup.Cgroup
}

func newScene(t *testing.T) *scene {
	t.Helper()
	hosttest.Root(t)
	t.Parallel() // they wait more than they compute
	s := &scene{place: newPlace(t)}
	mount, err := cgroup.FindMount()
	if err != nil {
		hosttest.Lack(t, err.Error())
	}
	if s.top, err = cgroup.Create(mount, "scallop-scene-"+s.workload); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.top.Kill(), s.top.WaitEmpty(context.Background()), s.top.Remove()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// group makes a cgroup, and lets a command live in it if there is one.
func (s *scene) group(name string, command ...string) *cgroup.Cgroup {
	s.t.Helper()
	c := &cgroup.Cgroup{Mount: s.top.Mount, Path: filepath.Join(s.top.Path, name)}
	if err := os.Mkdir(c.Dir(), 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		s.t.Fatal(err)
	}
	if len(command) > 0 {
		s.live(c, command...)
	}
	return c
}

func (s *scene) live(c *cgroup.Cgroup, command ...string) *exec.Cmd {
	s.t.Helper()
	cmd, err := launch.Start(launch.Options{Args: command, Cgroup: c})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// brief is a cgroup whose whole life is `true`.
func (s *scene) brief(name string) {
	s.t.Helper()
	c := s.group(name)
	if err := errors.Join(s.live(c, "/bin/true").Wait(), c.Remove()); err != nil {
		s.t.Fatal(err)
	}
}

// recorder is a scallop record at work, and what it has logged.
type recorder struct {
	s      *scene
	cmd    *exec.Cmd
	stderr process.Text
	read   sync.WaitGroup

	mu     sync.Mutex
	events []event
}

// event is a line of --output json.
type event struct {
	Event, Workload, Kind, Cgroup, Phase, Name, Comm, File string
	Trigger                                                *recording.Trigger
	Complete                                               *bool
}

// record starts scallop record, below the scene's cgroup, and returns when it records.
func (s *scene) record(args ...string) *recorder {
	s.t.Helper()
	r := s.start(args...)
	r.until("it records", func(e event) bool { return e.Event == "recording" })
	return r
}

// start does not wait.
func (s *scene) start(args ...string) *recorder {
	s.t.Helper()
	r := &recorder{s: s, cmd: exec.Command(s.program, append([]string{"record", "--output", "json", "--root", s.top.Path}, args...)...)}
	r.cmd.Dir = s.work
	r.cmd.Env = append(os.Environ(), "SCALLOP_RUNTIME_DIR="+s.sockets, "TMPDIR="+s.temp)
	r.cmd.Stderr = &r.stderr
	stdout, err := r.cmd.StdoutPipe()
	if err == nil {
		err = r.cmd.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	r.read.Go(func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			var e event
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				s.t.Errorf("not JSON: %q: %v", lines.Text(), err)
			}
			r.mu.Lock()
			r.events = append(r.events, e)
			r.mu.Unlock()
		}
	})
	s.t.Cleanup(func() {
		_ = r.cmd.Process.Kill() // it may have ended
		_ = r.cmd.Wait()
	})
	return r
}

// until waits for a line of the log.
func (r *recorder) until(what string, is func(event) bool) {
	r.s.t.Helper()
	for range 1500 {
		r.mu.Lock()
		ok := slices.ContainsFunc(r.events, is)
		r.mu.Unlock()
		if ok {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = r.cmd.Process.Kill()
	r.s.t.Fatalf("15 s went by, and not: %s; errors %q", what, r.stderr.String())
}

func (r *recorder) untilPhase(workload, phase string) {
	r.s.t.Helper()
	r.until(workload+" is in "+phase, func(e event) bool { return e.Event == "phase" && e.Workload == workload && e.Phase == phase })
}

func (r *recorder) untilCall(workload string) {
	r.s.t.Helper()
	r.until(workload+" makes calls", func(e event) bool { return e.Event == "syscall" && e.Workload == workload })
}

// stop ends it as Ctrl-C does.
func (r *recorder) stop() outcome {
	r.s.t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
		r.s.t.Fatal(err)
	}
	return r.wait()
}

func (r *recorder) wait() outcome {
	r.s.t.Helper()
	ended := make(chan error, 1)
	r.read.Wait() // its standard output ends with it
	go func() { ended <- r.cmd.Wait() }()
	select {
	case err := <-ended:
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			r.s.t.Fatal(err)
		}
	case <-time.After(30 * time.Second):
		r.s.t.Fatal("scallop does not end")
	}
	return outcome{r.cmd.ProcessState.ExitCode(), "", r.stderr.String()}
}

// want checks the exit code, and what is in the errors and warnings: each text in one line of its own.
func (s *scene) want(o outcome, code int, texts ...string) {
	s.t.Helper()
	if o.code != code {
		s.t.Errorf("exit code %d, want %d: %s", o.code, code, o.stderr)
	}
	lines := strings.Split(strings.TrimSpace(o.stderr), "\n")
	for _, text := range texts {
		if n := len(slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return !strings.Contains(line, text) })); n != 1 {
			s.t.Errorf("%q is in %d lines of %q", text, n, o.stderr)
		}
	}
	for _, line := range lines {
		if len(texts) == 0 && line != "" || line != "" && !strings.HasPrefix(line, "scallop: ") || len(line) > 600 {
			s.t.Errorf("line %q", line)
		}
	}
}

// files are the recordings in a folder below the work folder, by name.
func (s *scene) files(dir string) map[string]*recording.Recording {
	s.t.Helper()
	all := map[string]*recording.Recording{}
	for _, name := range list(s.t, filepath.Join(s.work, dir)) {
		all[name] = recorded.Read(s.t, filepath.Join(s.work, dir, name))
	}
	return all
}

// workloads are the names in the files of a folder.
func (s *scene) workloads(dir string) string {
	s.t.Helper()
	var names []string
	for _, r := range s.files(dir) {
		names = append(names, r.Workload.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// A late target is waited for, recorded from its first call to its last, and the recording ends with it.
func TestRecordLate(t *testing.T) {
	s := newScene(t)
	r := s.record("--cgroup", s.top.Path+"/web", "--wait", "--settle", "200ms", "-o", "out")
	c := s.group("web")
	cmd := s.live(c, server...)
	r.untilPhase("web", "steady")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if err := c.Remove(); err != nil {
		t.Fatal(err)
	}
	s.want(r.wait(), exitOK)
	files := s.files("out")
	if len(files) != 1 {
		t.Fatalf("files %v", list(t, filepath.Join(s.work, "out")))
	}
	for name, one := range files {
		if !strings.HasPrefix(name, "cgroup-web-") || !one.Complete || len(one.Unreached) > 0 || len(one.Phases) != 4 {
			t.Errorf("%s: complete %v, unreached %v, phases %+v", name, one.Complete, one.Unreached, one.Phases)
		}
	}
	// The log has it all, in order.
	var kinds []string
	for _, e := range r.events {
		if e.Event != "syscall" && e.Event != "phase" {
			kinds = append(kinds, e.Event)
		} else if e.Event == "phase" {
			kinds = append(kinds, e.Phase)
		}
	}
	if got := strings.Join(kinds, " "); got != "recording workload setup startup steady shutdown end" {
		t.Errorf("log: %s", got)
	}
	for _, e := range r.events[1:] {
		if e.Workload != "web" || e.Cgroup != c.Path {
			t.Errorf("event %+v", e)
		}
	}
	if last := r.events[len(r.events)-1]; last.Complete == nil || !*last.Complete || !strings.HasPrefix(last.File, "out/cgroup-web-") {
		t.Errorf("last event %+v", last)
	}
}

// Mixed targets; those that were there before say that their startup is unseen.
func TestRecordMixed(t *testing.T) {
	s := newScene(t)
	s.group("by-path", server...)
	cmd := s.live(s.group("by-pid"), server...)
	s.group("a.service", server...)
	s.group("not-asked-for", server...)
	r := s.record("--cgroup", s.top.Dir()+"/by-path", "--pid", fmt.Sprint(cmd.Process.Pid), "--unit", "a", "--ready-after", "1h", "-o", "out")
	for _, name := range []string{"by-path", "by-pid", "a.service"} {
		r.untilCall(name)
	}
	s.want(r.stop(), exitOK)
	if got := s.workloads("out"); got != "a.service by-path by-pid" {
		t.Errorf("recordings of %s", got)
	}
	for name, one := range s.files("out") {
		if !slices.Equal(one.Unreached, []string{"startup", "shutdown"}) || one.Phases[0].Trigger.Kind != "attached" || !one.Complete {
			t.Errorf("%s: unreached %v, phases %+v", name, one.Unreached, one.Phases)
		}
	}
	if name := "systemd-a.service.json"; s.files("out")[name] == nil {
		t.Errorf("no %s", name)
	}
}

// Everything below the root but what is excluded; --duration ends it; a second life has a second file.
func TestRecordAll(t *testing.T) {
	s := newScene(t)
	s.group("left-out", server...)
	s.group("resident", server...)
	r := s.record("--all", "--exclude", "left-*", "--duration", "1500ms", "-o", "out")
	r.untilCall("resident")
	for range 2 {
		s.brief("unit.service")
		s.brief("left-early")
	}
	s.want(r.wait(), exitOK)
	if got := s.workloads("out"); got != "resident unit.service unit.service" {
		t.Errorf("recordings of %s", got)
	}
	if files := s.files("out"); files["systemd-unit.service.json"] == nil || files["systemd-unit.service-2.json"] == nil {
		t.Errorf("files %q", list(t, filepath.Join(s.work, "out")))
	}
}

// More than there is room for makes the whole recording incomplete.
func TestRecordNoRoom(t *testing.T) {
	s := newScene(t)
	r := s.record("--all", "--max-workloads", "1", "-o", "out")
	s.brief("first")
	s.brief("second")
	s.want(r.stop(), exitIncomplete, "1 new workload not recorded: there was no room: allow more with --max-workloads")
	if got := s.workloads("out"); got != "first" {
		t.Errorf("recordings of %s", got)
	}
}

// Readiness from outside, and marks from another process; two recorders are told apart.
func TestRecordMarks(t *testing.T) {
	s := newScene(t)
	web := filepath.Join(s.top.Path, "web")
	flag := filepath.Join(s.work, "flag")
	one := s.record("--cgroup", web, "--wait", "--ready-exec", "test -e "+flag, "--name", "one", "-o", "one")
	two := s.record("--cgroup", web, "--wait", "--ready-after", "1h", "-o", "two")
	s.group("web", server...)
	one.untilPhase("web", "startup")
	two.untilPhase("web", "startup")
	if err := os.WriteFile(flag, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	one.untilPhase("web", "steady")
	mark := func(args ...string) outcome { return s.run(nil, nil, append([]string{"mark"}, args...)...) }
	s.want(mark("web", "reload"), exitUsage, `"web" is recorded by one and record-`)
	s.want(mark("one/web", "reload"), exitOK)
	s.want(mark("one/db", "reload"), exitUsage, `"db"`)
	s.want(mark("db", "reload"), exitUsage, `no live recording "db": live are one, record-`)
	s.want(mark("one", "reload"), exitUsage, "one records many workloads: name one, as one/NAME")
	s.want(mark("one/web", "setup"), exitUsage, "belongs to the container runtime")
	s.want(mark(fmt.Sprintf("record-%d/web", two.cmd.Process.Pid), "steady"), exitOK)
	one.untilPhase("web", "reload")
	two.untilPhase("web", "steady")
	s.want(two.stop(), exitOK)
	s.want(mark("web", "later"), exitOK)
	s.want(one.stop(), exitOK)
	for dir, want := range map[string]string{"one": "setup startup steady reload later", "two": "setup startup steady"} {
		for _, r := range s.files(dir) {
			var names []string
			for _, phase := range r.Phases {
				names = append(names, phase.Name)
			}
			if got := strings.Join(names, " "); got != want || !r.Complete {
				t.Errorf("%s: phases %s, complete %v", dir, got, r.Complete)
			}
		}
	}
	if left := list(t, s.sockets); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
