package enforce_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/hosttest/servers"
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
	place   servers.Place
	workers int // children of the leader
	reload  bool
	given   []string // what dir holds before the first start

	answers func(servers.Place) error                 // once: is it there?
	serve   func(p servers.Place, requests int) error // real requests of every kind
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
	server     *server
	running    running
	filtered   bool // the kernel must say so,
	noNewPrivs bool // and this
	requests   int
	patience   time.Duration // with each step; 0 is defaultPatience
}

// lead goes through the life of a server that is just being started.
func (l *life) lead() error {
	l.server.place.Patience = l.limit()
	return servers.Lead(
		servers.At(servers.Start, l.awaitAnswer),
		servers.At(servers.Filter, l.checkFilter),
		servers.At(servers.Work, l.serve),
		servers.At(servers.Reload, l.reload),
		servers.At(servers.Again, l.serveAgain),
		servers.At(servers.Stop, l.stop),
	)
}

func (l *life) limit() time.Duration { return cmp.Or(l.patience, defaultPatience) }

func (l *life) serve() error { return l.server.serve(l.server.place, l.requests) }

const (
	defaultPatience = 15 * time.Second // for slow hosts
	// manyRequests are what a server answers in a round, fewRequests where only the kinds matter.
	manyRequests = 1000
	fewRequests  = 60
)

// poll repeats try until it holds, the server ends or patience does.
func (l *life) poll(try func() error) error {
	return process.Poll(l.limit(), l.running.Exited(), try)
}

func (l *life) awaitAnswer() error {
	if err := l.poll(func() error { return l.server.answers(l.server.place) }); err != nil {
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
		if err := servers.Confined(pid, true, l.noNewPrivs); err != nil {
			return err
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
	return l.serve()
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
	case <-time.After(l.limit()):
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

func readPID(path string) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(bytes.TrimSpace(data)))
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
