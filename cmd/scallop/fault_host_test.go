package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/leftover"
	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
)

// With little memory for scallop, it works, or says what it lacks, or is killed by the kernel; and leaves nothing
// behind. How much it needs is found by trying.
func TestFaultMemoryLimit(t *testing.T) {
	t.Parallel() // it waits more than it computes
	hosttest.Root(t)
	leftover.None(t)
	seen := map[string]bool{}
	for mebibytes := 4; mebibytes <= 64; mebibytes += hosttest.Amount(12, 1) {
		p := newPlace(t)
		limit := hosttest.MemoryLimit(t, mebibytes<<20)
		o := p.run([]string{"sh", "-c", limit + ` && exec "$@"`, "sh"}, nil, p.runArgs("-q")...)
		switch {
		case o.code == exitOK:
			seen["works"] = true
			p.completeRecording(filepath.Join(p.work, "out.json"))
			p.wantFiles("out.json", "started")
		case o.code == -1: // killed
			seen["killed"] = true
			p.endCommands()
			age(t, p.work)
			if o := p.run(nil, nil, p.runArgs("-q")...); o.code != exitOK {
				t.Errorf("the next run: %+v", o)
			}
			p.wantFiles("out.json", "started")
		default:
			p.wantError(o, exitHost, "cannot allocate memory: allow it more memory")
		}
	}
	if !seen["works"] || !seen["killed"] {
		t.Errorf("seen %v: choose other limits", seen)
	}
}

// The kernel refuses to make a map, because somebody told it to. For want of memory: see TestExplainLoad and
// TestFaultLockedMemory.
func TestFaultMapRefused(t *testing.T) {
	hosttest.Root(t)
	leftover.None(t)
	p := newPlace(t)
	refuseMaps(t, unix.EPERM, func() {
		p.wantError(p.run(nil, nil, p.runArgs()...), exitHost, "operation not permitted in spite of the capabilities, by a seccomp filter")
	})
}

// refuseMaps lets every process that is started meanwhile fail to make a BPF map.
func refuseMaps(t *testing.T, errno syscall.Errno, during func()) {
	t.Helper()
	const nr, firstArg, mapCreate = 0, 16, 0 // offsets in struct seccomp_data; BPF_MAP_CREATE
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: nr},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_BPF, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: firstArg},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: mapCreate, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the filter is this thread's
		err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
		if err != nil {
			t.Errorf("filtering bpf(2): %v", err)
			return
		}
		during()
	}()
	<-done
}

// A disk that is full when checkpoints are due, and is not any more at the end: one warning, and the recordings.
func TestFaultDiskFullMeanwhile(t *testing.T) {
	s := newScene(t)
	disk := s.mkdir("disk")
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=256k"); err != nil {
		hosttest.Lack(t, fmt.Sprintf("the right to mount a small tmpfs (%v)", err))
	}
	defer syscall.Unmount(disk, 0)
	for _, name := range []string{"one", "two"} {
		s.group(name, server...)
	}
	fill := filepath.Join(disk, "fill")
	r := s.record("--all", "--checkpoint", "100ms", "-o", "disk")
	_ = os.WriteFile(fill, make([]byte, 1<<20), 0o644) // as much as fits
	r.untilCall("one")
	r.untilCall("two")
	eventually(t, "a warning", func() bool { return strings.Contains(r.stderr.String(), "checkpoint: write") })
	time.Sleep(2500 * time.Millisecond) // the next checkpoints fail, too
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	s.want(r.stop(), exitOK, "warning: checkpoint: write disk/")
	if got := s.workloads("disk"); got != "one two" {
		t.Errorf("recordings of %s", got)
	}
}

// In a time namespace, whose clock is another than the kernel side's.
func TestFaultTimeNamespace(t *testing.T) {
	hosttest.Root(t)
	unshare := hosttest.Tool(t, "unshare", "util-linux")
	if text, err := exec.Command(unshare, "-T", "true").CombinedOutput(); err != nil {
		hosttest.Lack(t, fmt.Sprintf("time namespaces (%s)", strings.TrimSpace(string(text))))
	}
	p := newPlace(t)
	for _, offset := range []string{"1000000", "-100"} {
		o := p.run([]string{unshare, "-T", "--monotonic", offset, "--fork"}, nil, p.runArgs("-q")...)
		if o.code != exitOK {
			t.Fatalf("%+v", o)
		}
		r := recorded.Read(t, filepath.Join(p.work, "out.json"))
		if len(r.Phases) != 2 || r.Phases[0].EndNs == 0 || r.Phases[1].StartNs != r.Phases[0].EndNs || r.Phases[1].EndNs > r.DurationNs {
			t.Errorf("offset %s: phases %+v", offset, r.Phases)
		}
		for _, s := range r.Syscalls {
			if c, ok := s.Phases["startup"]; ok && (c.First.OffsetNs < r.Phases[1].StartNs || c.First.OffsetNs > r.DurationNs) {
				t.Errorf("offset %s: %s first at %d of %d ns", offset, s.Name, c.First.OffsetNs, r.DurationNs)
			}
		}
	}
}

// What a pinned recorder has to remember finds no place: phases may be unknown when its scallop is killed then, but no count is
// touched, and it is all gone in the end.
func TestFaultStateFull(t *testing.T) {
	t.Parallel() // it waits more than it computes
	p := newPinned(t)
	if err := syscall.Mount("tmpfs", p.sockets, "tmpfs", 0, "size=128k"); err != nil {
		hosttest.Lack(t, fmt.Sprintf("the right to mount a small tmpfs (%v)", err))
	}
	t.Cleanup(func() { _ = syscall.Unmount(p.sockets, 0) })
	cmd := p.start()
	fill := filepath.Join(p.sockets, "fill")
	if err := os.WriteFile(fill, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk: %v", err)
	}
	p.startLoad()
	time.Sleep(1500 * time.Millisecond) // it looks, and remembers
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	made := p.stopLoad()
	o := p.run(nil, nil, "record", "--unpin", p.name)
	if r := p.only(); getppids(r) != made || made == 0 {
		t.Errorf("recorded %d getppid of %d: %+v", getppids(r), made, o)
	}
	p.wantNoTrace()
	if left := list(t, p.sockets); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
