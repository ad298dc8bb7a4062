package profiler_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A runtime starts itself (/proc/self/exe init), and that process is moved in by it, or by systemd, often before the kernel is through
// with the execve. That execve began outside: the process is the runtime's until the next one. If it executes another
// program than its parent's, it is the workload.
func TestMovedInDuringAnExecve(t *testing.T) {
	for name, tc := range map[string]struct {
		longer  int64 // bytes: programs are told apart by their size
		another bool  // process moves it
		want    string
	}{
		"of-its-parents-program":              {0, false, "setup:1 steady:1"},
		"of-its-parents-program-by-a-manager": {0, true, "setup:1 steady:1"},
		"of-another-program":                  {1, false, "steady:2"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, containers())
			manager := startActor(t, s.program, nil, openProcs(t, s.c))
			moved, release := startSlowly(t, padded(t, s.program, ownSize(t)+tc.longer))
			if pid := waitForExecve(t); tc.another {
				manager.tell(fmt.Sprintf("w%d\n", pid))
				manager.await()
			} else {
				move(t, pid, s.c)
			}
			release()
			moved.do("pxp")
			wantSeen(t, s.r, s.w, unix.SYS_GETPPID, tc.want)
		})
	}
}

// What systemd starts in a unit's cgroup is not the unit yet.
func TestSystemdExecutor(t *testing.T) {
	s := newStage(t, containers())
	executor := filepath.Join(t.TempDir(), "systemd-executor")
	if err := os.Rename(padded(t, s.program, ownSize(t)+1), executor); err != nil {
		t.Fatal(err)
	}
	a := newActor(t, executor)
	a.cmd.Args[0] = s.program // which it executes
	if err := startIn(s.c, a.cmd); err != nil {
		t.Fatal(err)
	}
	a.do("npxp")
	wantSeen(t, s.r, s.w, unix.SYS_GETPPID, "setup:1 steady:1")
	wantSeen(t, s.r, s.w, unix.SYS_EXECVE, "setup:2")
}

// ownSize is that of the program that this process runs, in bytes.
func ownSize(t *testing.T) int64 {
	t.Helper()
	info, err := os.Stat("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// padded is a copy of that size, which nobody executes yet.
func padded(t *testing.T, program string, size int64) string {
	t.Helper()
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "padded")
	if err := errors.Join(os.WriteFile(path, data, 0o755), os.Truncate(path, size)); err != nil {
		t.Fatal(err)
	}
	return path
}

// startSlowly starts an actor whose execve waits for the lease that is on its program, until release is called. No garbage is collected
// meanwhile: Go could not stop the thread that waits for its child's execve, and all others would wait with it.
func startSlowly(t *testing.T, program string) (a *actor, release func()) {
	t.Helper()
	lease, err := os.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(lease.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Fatal(err)
	}
	runtime.GC() // one that has begun comes to its end
	percent := debug.SetGCPercent(-1)
	t.Cleanup(func() { debug.SetGCPercent(percent) })
	a = newActor(t, program)
	started := make(chan error, 1)
	go func() { started <- a.cmd.Start() }()
	return a, func() {
		// Closing is not enough: the child has a copy of the descriptor.
		if _, err := unix.FcntlInt(lease.Fd(), unix.F_SETLEASE, unix.F_UNLCK); err != nil {
			t.Fatal(err)
		}
		lease.Close()
		if err := <-started; err != nil {
			t.Fatal(err)
		}
	}
}

// waitForExecve returns the process ID of the child of this process that is in the middle of its execve.
func waitForExecve(t *testing.T) int {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		lists, _ := filepath.Glob("/proc/self/task/*/children")
		for _, list := range lists {
			text, _ := os.ReadFile(list) // the thread may be gone
			for _, child := range strings.Fields(string(text)) {
				call, _ := os.ReadFile("/proc/" + child + "/syscall")
				if strings.HasPrefix(string(call), fmt.Sprintf("%d ", unix.SYS_EXECVE)) {
					var pid int
					fmt.Sscan(child, &pid)
					return pid
				}
			}
		}
	}
	t.Fatal("no child was seen in its execve")
	return 0
}
