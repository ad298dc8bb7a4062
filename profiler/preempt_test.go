package profiler

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// Whoever runs at FIFO priority must come down again, and its children must not inherit it.
func TestAboveAll(t *testing.T) {
	hosttest.Root(t)
	restore, err := aboveAll()
	inside := scheduling(t)
	restore()
	if err != nil {
		t.Fatal(err)
	}
	if inside.Policy != unix.SCHED_FIFO || inside.Flags&unix.SCHED_FLAG_RESET_ON_FORK == 0 {
		t.Errorf("inside: %+v", inside)
	}
	if after := scheduling(t); after.Policy != unix.SCHED_NORMAL || after.Flags != 0 {
		t.Errorf("afterwards: %+v", after)
	}
}

func scheduling(t *testing.T) *unix.SchedAttr {
	t.Helper()
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return attr
}

// Mounted or not, tracefs says the same.
func TestTracefs(t *testing.T) {
	hosttest.Root(t)
	mount, err := detachedTracefs()
	if err != nil {
		t.Fatal(err)
	}
	defer mount.Close()
	const file = "events/raw_syscalls/sys_enter/id"
	detached, err := mount.ReadFile(file)
	if err != nil || len(detached) < 2 {
		t.Fatalf("%q, %v", detached, err)
	}
	if mounted, err := os.ReadFile(tracefsPath + "/" + file); err == nil && string(mounted) != string(detached) {
		t.Errorf("%q where it is mounted, %q where it is not", mounted, detached)
	}
	if id, err := eventID("raw_syscalls", sysEnterName); err != nil || id == 0 {
		t.Errorf("number %d: %v", id, err)
	}
	if _, err := eventID("raw_syscalls", "no_such"); err == nil {
		t.Error("an event that does not exist has a number")
	}
}
