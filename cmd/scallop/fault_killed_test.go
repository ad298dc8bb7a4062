package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	out := filepath.Join(p.work, "out.json")
	killed := func(when func()) {
		cmd := p.startScallop("run", "--name", p.workload, "-o", out, "--checkpoint", "5ms", "--", "sh", "-c", "while :; do :; done")
		when()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		partial(t, out)
		p.endCommands()
	}
	began := time.Now()
	killed(func() {
		eventually(t, "a checkpoint", func() bool { _, err := os.Stat(out); return err == nil })
	})
	for _, moment := range moments(t, hosttest.Amount(5, 50), 2*time.Since(began)) {
		killed(func() { time.Sleep(moment) })
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

// startScallop does not wait for it.
func (p *place) startScallop(args ...string) *exec.Cmd {
	p.t.Helper()
	cmd := exec.Command(p.program, args...)
	cmd.Dir = p.work
	cmd.Env = append(os.Environ(), "SCALLOP_RUNTIME_DIR="+p.sockets, "TMPDIR="+p.temp)
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	return cmd
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

// partial checks what a killed scallop left, if it left something, and removes it.
func partial(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	r, decodeErr := recording.Decode(bytes.NewReader(data))
	if err := errors.Join(err, decodeErr, os.Remove(path)); err != nil {
		t.Fatalf("%s, %d bytes: %v", path, len(data), err)
	}
	if r.Complete || !strings.Contains(strings.Join(r.Incomplete, " "), "checkpoint") {
		t.Errorf("%s: complete %v, %q", path, r.Complete, r.Incomplete)
	}
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

// SIGKILL to scallop record, while workloads end and their recordings are written: each file is a whole recording.
func TestFaultRecordKilled(t *testing.T) {
	s := newScene(t)
	out := s.mkdir("out")
	leftover.None(t, out, s.sockets, s.temp)
	c := s.group("web", server...)
	for i, moment := range moments(t, hosttest.Amount(3, 50), 500*time.Millisecond) {
		r := s.record("--all", "--checkpoint", "1ms", "-o", "out")
		for began, n := time.Now(), 0; time.Since(began) < moment; n++ {
			s.brief(fmt.Sprintf("life-%d-%d", i, n))
		}
		_ = r.cmd.Process.Kill()
		_ = r.wait()
	}
	age(t, out)
	r := s.record("--cgroup", c.Path, "-o", "out") // removes what is temporary
	r.untilCall("web")
	s.want(r.stop(), exitOK)
	for name := range s.files("out") { // decodes them all
		if err := os.Remove(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
}

// A load that runs on while one scallop after the other is killed, each at a random moment, which may be before it has taken
// over: whoever ends the recording has every call.
func TestFaultPinnedKilled(t *testing.T) {
	t.Parallel() // it waits more than it computes
	p := newPinned(t)
	leftover.None(t, p.sockets, p.temp)
	began := time.Now()
	first := p.start()
	kills := moments(t, hosttest.Amount(4, 50), 3*time.Since(began))
	p.startLoad()
	_ = first.Process.Kill()
	_ = first.Wait()
	for _, moment := range kills {
		cmd := p.startScallop("record", "--resume", p.name)
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
	began := time.Now()
	p.unpinKilled(p.start())
	for _, moment := range moments(t, hosttest.Amount(3, 50), time.Since(began)) {
		cmd := p.startScallop("record", "--cgroup", p.cgroup.Path, "--pin", p.name, "-o", "out")
		time.Sleep(moment)
		p.unpinKilled(cmd)
	}
	if _, err := os.Stat(p.cgroup.Dir()); err != nil {
		t.Errorf("the workload's cgroup: %v", err)
	}
}

// unpinKilled kills a scallop, and unpins what it has pinned.
func (p *pinned) unpinKilled(cmd *exec.Cmd) {
	p.t.Helper()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	o := p.run(nil, nil, "record", "--unpin", p.name)
	if none := o.code == exitUsage && strings.Contains(o.stderr, "nothing is pinned"); !none && strings.Count(o.stderr, "\n") > 3 {
		p.t.Errorf("scallop record --unpin: %+v", o)
	}
	p.wantNoTrace()
}
