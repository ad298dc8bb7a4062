package main

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/leftover"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// moments are random points in time, up to a longest one; the seed is logged.
func moments(t *testing.T, n int, longest time.Duration) []time.Duration {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = time.Duration(random.Int64N(int64(longest)))
	}
	return all
}

// SIGKILL to scallop run at any moment: there is no recording, or a whole one that says it is partial. The command, if it was
// started, lives on; and the next run removes what the kernel did not.
func TestFaultRunKilled(t *testing.T) {
	t.Parallel() // it waits more than it computes
	hosttest.Root(t)
	p := newPlace(t)
	leftover.None(t, p.work, p.sockets, p.temp)
	out, checkpoints := filepath.Join(p.work, "out.json"), 0
	for _, moment := range moments(t, hosttest.Amount(5, 50), 400*time.Millisecond) {
		cmd := exec.Command(p.program, "run", "--name", p.workload, "-o", out, "--checkpoint", "5ms", "--", "sh", "-c", "while :; do :; done")
		cmd.Env = append(os.Environ(), "SCALLOP_RUNTIME_DIR="+p.sockets, "TMPDIR="+p.temp)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(moment)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if partial(t, out) != nil {
			checkpoints++
		}
		p.endCommands()
	}
	if checkpoints == 0 {
		t.Error("none was killed after its first checkpoint")
	}
	age(t, p.work)
	if o := p.run(nil, nil, p.runArgs("-q")...); o.code != exitOK {
		t.Errorf("the next run: %+v", o)
	}
	p.completeRecording(out)
	p.wantFiles("out.json", "started")
	_ = os.Remove(out)
	_ = os.Remove(filepath.Join(p.work, "started"))
}

// endCommands kills those whose scallop was killed.
func (p *place) endCommands() {
	p.t.Helper()
	for _, path := range p.cgroups() {
		c := &cgroup.Cgroup{Mount: cgroup.Mount{Path: filepath.Dir(path)}, Path: filepath.Base(path)}
		if err := errors.Join(c.Kill(), c.WaitEmpty(p.t.Context())); err != nil {
			p.t.Error(err)
		}
	}
}

// partial reads what a killed scallop left, and removes it; nil if that is nothing.
func partial(t *testing.T, path string) *recording.Recording {
	t.Helper()
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	r, decodeErr := recording.Decode(bytes.NewReader(data))
	if err := errors.Join(err, decodeErr, os.Remove(path)); err != nil {
		t.Fatalf("%s, %d bytes: %v", path, len(data), err)
	}
	if r.Complete || !strings.Contains(strings.Join(r.Incomplete, " "), "checkpoint") {
		t.Errorf("%s: complete %v, %q", path, r.Complete, r.Incomplete)
	}
	return r
}

// age makes the files of a folder old enough to be swept.
func age(t *testing.T, dir string) {
	t.Helper()
	old := time.Now().Add(-2 * abandoned)
	for _, name := range list(t, dir) {
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
}

// A load that runs on while one scallop after the other is killed, each at a random moment, which may be before it has taken
// over: whoever ends the recording has every call.
func TestFaultPinnedKilled(t *testing.T) {
	t.Parallel() // it waits more than it computes
	p := newPinned(t)
	leftover.None(t, p.sockets, p.temp)
	first := p.start()
	p.startLoad()
	_ = first.Process.Kill()
	_ = first.Wait()
	kills := moments(t, hosttest.Amount(4, 50), 300*time.Millisecond)
	for _, moment := range kills {
		cmd := exec.Command(p.program, "record", "--resume", p.name)
		cmd.Dir = p.work
		cmd.Env = append(os.Environ(), "SCALLOP_RUNTIME_DIR="+p.sockets, "TMPDIR="+p.temp)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(moment)
		_ = cmd.Process.Kill()
		if err := cmd.Wait(); cmd.ProcessState.Exited() {
			t.Errorf("scallop record --resume ended before it was killed: %v", err)
		}
	}
	made := p.stopLoad()
	if o := p.run(nil, nil, "record", "--unpin", p.name); o.code != exitOK || o.stderr != "" && !strings.Contains(o.stderr, "1 recordings") {
		t.Errorf("scallop record --unpin: %+v", o)
	}
	r := p.only()
	if got := getppids(r); got != made || made == 0 || !r.Complete {
		t.Errorf("recorded %d getppid, the load made %d; complete %v %q", got, made, r.Complete, r.Incomplete)
	}
	if len(r.Gaps) == 0 || len(r.Gaps) > len(kills)+1 {
		t.Errorf("%d gaps after %d kills", len(r.Gaps), len(kills)+1)
	}
	p.wantNoTrace()
}

// SIGKILL while a recorder is being pinned, at any moment: --unpin leaves no trace of what there is.
func TestFaultPinKilled(t *testing.T) {
	t.Parallel() // it waits more than it computes
	p := newPinned(t)
	leftover.None(t, p.sockets, p.temp)
	for _, moment := range moments(t, hosttest.Amount(3, 50), 200*time.Millisecond) {
		cmd := exec.Command(p.program, "record", "--cgroup", p.cgroup.Path, "--pin", p.name, "-o", "out")
		cmd.Dir = p.work
		cmd.Env = append(os.Environ(), "SCALLOP_RUNTIME_DIR="+p.sockets, "TMPDIR="+p.temp)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(moment)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		o := p.run(nil, nil, "record", "--unpin", p.name)
		if o.code == exitUsage && strings.Contains(o.stderr, "nothing is pinned") {
			continue // it was killed before
		}
		if strings.Count(o.stderr, "\n") > 3 {
			t.Errorf("scallop record --unpin: %+v", o)
		}
		p.wantNoTrace()
	}
	if err := unix.Access(p.cgroup.Dir(), unix.F_OK); err != nil {
		t.Error(err)
	}
}
