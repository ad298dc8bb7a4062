package profiler_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/launch"
)

// actor is a process that does what it is told: testdata/programs/actor.c.
type actor struct {
	t      *testing.T
	cmd    *exec.Cmd
	orders io.Writer
	dots   *os.File
}

// actorProgram is compiled once a test.
func actorProgram(t *testing.T) string {
	t.Helper()
	return hosttest.Program(t, "actor", "-static", "-pthread")
}

// startActor starts one in a cgroup, or where the test is if that is nil. Files are its descriptors from 3 on.
func startActor(t *testing.T, program string, c *cgroup.Cgroup, files ...*os.File) *actor {
	t.Helper()
	if c != nil && len(files) > 0 {
		hosttest.Cgroup2(t, "descriptors from 3 on are the helper's")
	}
	a := newActor(t, program, files...)
	if err := startIn(c, a.cmd); err != nil {
		t.Fatal(err)
	}
	a.do("n") // nothing: the kernel is through with its execve
	return a
}

// newActor is one that is still to be started.
func newActor(t *testing.T, program string, files ...*os.File) *actor {
	t.Helper()
	in, orders, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	dots, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	a := &actor{t: t, cmd: exec.Command(program), orders: orders, dots: dots}
	a.cmd.Stdin, a.cmd.Stdout, a.cmd.ExtraFiles = in, out, files
	t.Cleanup(func() {
		if a.cmd.Process != nil {
			_ = a.cmd.Process.Kill() // it may have ended
			_ = a.cmd.Wait()
		}
		orders.Close() // what it forked ends with this
		for _, f := range []*os.File{dots, in, out} {
			f.Close()
		}
	})
	return a
}

// startIn starts a command in a cgroup, or where the test is if that is nil.
func startIn(c *cgroup.Cgroup, cmd *exec.Cmd) error {
	if c == nil {
		return cmd.Start()
	}
	return launch.In(c, cmd)
}

func (a *actor) pid() int { return a.cmd.Process.Pid }

// do gives orders, and returns when the actor has done them all.
func (a *actor) do(orders string) {
	a.t.Helper()
	for _, order := range orders {
		a.tell(string(order))
		a.await()
	}
}

func (a *actor) tell(text string) {
	a.t.Helper()
	if _, err := io.WriteString(a.orders, text); err != nil {
		a.t.Fatalf("telling the actor: %v", err)
	}
}

func (a *actor) await() {
	a.t.Helper()
	_ = a.dots.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadFull(a.dots, make([]byte, 1)); err != nil {
		a.t.Fatalf("waiting for the actor: %v", err)
	}
}

// move puts a process into a cgroup, as an outsider: the test itself writes.
func move(t *testing.T, pid int, c *cgroup.Cgroup) {
	t.Helper()
	if err := tryMove(pid, c); err != nil {
		t.Fatal(err)
	}
}

func tryMove(pid int, c *cgroup.Cgroup) error {
	f, err := os.OpenFile(filepath.Join(c.Dir(), "cgroup.procs"), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintln(f, pid)
	return err
}

func idOf(t *testing.T, c *cgroup.Cgroup) uint64 {
	t.Helper()
	id, err := c.ID()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// seen counts the calls of a number in every phase of a workload, as "setup:1 steady:2".
func seen(t *testing.T, r *profiler.Recorder, w, nr int) string {
	t.Helper()
	s, err := r.Snapshot(w)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[profiler.PhaseID]uint64{}
	for _, c := range s.Calls {
		if c.Nr == nr {
			counts[c.Phase] += c.Count
		}
	}
	names := profiler.NewPhaseNames()
	var parts []string
	for id := range profiler.PhaseUser {
		if n := counts[id]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s:%d", names.Name(id), n))
		}
	}
	return strings.Join(parts, " ")
}

func wantSeen(t *testing.T, r *profiler.Recorder, w, nr int, want string) {
	t.Helper()
	if got := seen(t, r, w, nr); got != want {
		t.Errorf("workload %d: call %d seen in %q, want %q", w, nr, got, want)
	}
}
