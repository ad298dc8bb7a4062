package enforce_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/hosttest/process"
)

// server is a program and the life that it is led through: the same when it is
// recorded and when it runs under its profile.
type server struct {
	name    string
	dir     string // configuration, data and pid file
	args    []string
	ready   []string // flags of `scallop run`
	stop    string   // signal, without SIG
	pidFile string
	address string
	workers int // children of the leader
	reload  bool
	given   []string // what dir holds before the first start

	answers func() error             // once: is it there?
	serve   func(requests int) error // real requests of every kind
}

// reset takes away what earlier lives left: each must do what the first did, as a
// container does that is made anew.
func (s *server) reset(t *testing.T) {
	t.Helper()
	names := dirNames(t, s.dir)
	if s.given == nil {
		s.given = names
	}
	for _, name := range names {
		if slices.Contains(s.given, name) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(s.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func dirNames(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// running is a server, however it was started.
type running interface {
	leader() (int, error) // pid on the host
	signal(name string) error
	Exited() <-chan struct{}
	ExitCode() int // after Exited
}

// recorder is one whose phases are recorded.
type recorder interface {
	awaitSteady() error
	mark(phase string) error
}

// life is how a server is led.
type life struct {
	server   *server
	running  running
	filtered bool // the kernel must say so
	requests int
	patience time.Duration // with each step; 0 is defaultPatience
}

// Names of the steps that a life may fail at.
const (
	stepStart  = "start"
	stepFilter = "run under a filter"
	stepServe  = "serve"
	stepReload = "reload"
	stepAgain  = "serve after the reload"
	stepStop   = "stop"
)

type stepError struct {
	step string
	err  error
}

func (e *stepError) Error() string { return e.step + ": " + e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

// lead goes through the life of a server that is just being started. The first
// step that fails ends it.
func (l *life) lead() error {
	steps := []struct {
		name string
		do   func() error
	}{
		{stepStart, l.awaitAnswer},
		{stepFilter, l.checkFilter},
		{stepServe, func() error { return l.server.serve(l.requests) }},
		{stepReload, l.reload},
		{stepAgain, l.serveAgain},
		{stepStop, l.stop},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			return &stepError{step.name, err}
		}
	}
	return nil
}

const (
	defaultPatience = 15 * time.Second // for slow hosts
	// manyRequests are what a server answers in a round, fewRequests where only the kinds matter.
	manyRequests = 1000
	fewRequests  = 60
)

// poll repeats try until it holds, the server ends or patience does.
func (l *life) poll(try func() error) error {
	return process.Poll(cmp.Or(l.patience, defaultPatience), l.running.Exited(), try)
}

func (l *life) awaitAnswer() error {
	if err := l.poll(l.server.answers); err != nil {
		return err
	}
	if r, ok := l.running.(recorder); ok {
		return l.poll(r.awaitSteady)
	}
	return nil
}

// checkFilter looks at the leader and all its descendants.
func (l *life) checkFilter() error {
	pid, err := l.running.leader()
	if err != nil || !l.filtered {
		return err
	}
	workers := descendants(pid)
	if len(workers) < l.server.workers {
		return fmt.Errorf("pid %d has the descendants %v, want %d at least", pid, workers, l.server.workers)
	}
	for _, pid := range append(workers, pid) {
		mode, err := statusField(pid, "Seccomp")
		if err != nil {
			return err
		}
		if mode != "2" {
			return fmt.Errorf("Seccomp: %s in the status of pid %d", mode, pid)
		}
	}
	return nil
}

func (l *life) serveAgain() error {
	if !l.server.reload {
		return nil
	}
	if err := l.checkFilter(); err != nil {
		return err
	}
	return l.server.serve(l.requests)
}

// reload is over when other workers, as many as before, have taken over.
func (l *life) reload() error {
	if !l.server.reload {
		return nil
	}
	leader, err := l.running.leader()
	if err != nil {
		return err
	}
	before := descendants(leader)
	if len(before) != l.server.workers {
		return fmt.Errorf("pid %d has the descendants %v, want %d", leader, before, l.server.workers)
	}
	if r, ok := l.running.(recorder); ok {
		if err := r.mark("reload"); err != nil {
			return err
		}
	}
	if err := l.running.signal("HUP"); err != nil {
		return err
	}
	return l.poll(func() error {
		now := descendants(leader)
		if len(now) != len(before) || slices.ContainsFunc(now, func(pid int) bool { return slices.Contains(before, pid) }) {
			return fmt.Errorf("workers %v were not replaced: %v", before, now)
		}
		return nil
	})
}

// stop: a server that stops in order says so with its exit code and takes its
// pid file away.
func (l *life) stop() error {
	if err := l.running.signal(l.server.stop); err != nil {
		return err
	}
	select {
	case <-l.running.Exited():
	case <-time.After(cmp.Or(l.patience, defaultPatience)):
		return fmt.Errorf("still running after SIG%s", l.server.stop)
	}
	if code := l.running.ExitCode(); code != 0 {
		return fmt.Errorf("exit code %d", code)
	}
	if _, err := os.Stat(l.server.pidFile); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("pid file %s was left behind", l.server.pidFile)
	}
	return nil
}

// descendants of a process, on any level.
func descendants(pid int) []int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil // gone
	}
	var all []int
	for _, field := range strings.Fields(string(data)) {
		child, err := strconv.Atoi(field)
		if err != nil {
			continue
		}
		all = append(all, child)
		all = append(all, descendants(child)...)
	}
	return all
}

func statusField(pid int, name string) (string, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("the status of pid %d has no %s", pid, name)
}

func readPID(path string) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(bytes.TrimSpace(data)))
}

// freeAddress is a local address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
