package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
)

// SIGKILL to scallop leaves the last checkpoint, whole and saying that it is partial; the
// workload lives on, and once it has ended the next run removes its cgroup.
func TestRunKilled(t *testing.T) {
	hosttest.Root(t)
	p := newPlace(t)
	cmd := exec.Command(p.program, "run", "--name", p.workload, "-o", "out.json", "--checkpoint", "100ms", "--", "sleep", "60")
	cmd.Dir = p.work
	cmd.Env = append(os.Environ(), "SCALLOP_RUNTIME_DIR="+p.sockets)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(p.work, "out.json")
	eventually(t, "a checkpoint", func() bool { _, err := os.Stat(out); return err == nil })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()

	r := recorded.Read(t, out)
	if r.Complete || !strings.Contains(strings.Join(r.Incomplete, " "), "checkpoint") || len(r.Syscalls) == 0 {
		t.Errorf("complete %v, %q, %d calls", r.Complete, r.Incomplete, len(r.Syscalls))
	}
	if o := p.run(nil, nil, "export", "out.json"); o.code != exitIncomplete || o.stdout != "" {
		t.Errorf("export of a checkpoint: code %d, %d bytes", o.code, len(o.stdout))
	}
	left := &cgroup.Cgroup{Mount: cgroup.Mount{Path: r.Host.CgroupMount}, Path: r.Workload.Cgroup}
	if pids, err := left.Procs(); err != nil || !slices.Contains(pids, r.Workload.Leader.PID) {
		t.Errorf("the workload did not survive: %v, %v", pids, err)
	}
	if err := unix.Kill(r.Workload.Leader.PID, unix.SIGKILL); err != nil {
		t.Error(err)
	}
	eventually(t, "an empty cgroup", func() bool { full, err := left.Populated(); return err == nil && !full })
	if o := p.run(nil, nil, p.runArgs("-q")...); o.code != exitOK {
		t.Errorf("the next run: %+v", o)
	}
	if _, err := os.Stat(left.Dir()); err == nil {
		t.Errorf("cgroup %s is left behind", left.Dir())
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 500 {
		if holds() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("10 s went by without %s", what)
}
