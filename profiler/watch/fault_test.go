package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/cgroup/cgrouptest"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// A cgroup that is removed and made again under the same name is another workload each time; that a cgroup2 cannot be
// renamed while it is recorded, the kernel sees to.
func TestFaultCgroupMadeAgain(t *testing.T) {
	hosttest.Cgroup2(t, "v1 lets a cgroup be renamed")
	parent := cgrouptest.New(t)
	r := record(t, Options{Targets: []Target{{Kind: All}}, Root: parent.Path})
	lives := hosttest.Amount(5, 50)
	for range lives {
		c := cgrouptest.Below(t, parent, "again")
		if err := os.Rename(c.Dir(), c.Dir()+"-renamed"); !errors.Is(err, unix.EPERM) {
			t.Errorf("renaming: %v, want EPERM", err)
		}
		if err := inCgroup(t, c, "/bin/true").Wait(); err != nil {
			t.Fatal(err)
		}
		if err := c.Remove(); err != nil {
			t.Fatal(err)
		}
	}
	r.ok()
	if len(r.final) != lives {
		t.Errorf("%d recordings of %d lives", len(r.final), lives)
	}
	for _, one := range r.final {
		checkLife(t, one)
	}
}

// A workload is frozen when it is attached to, or when the recording ends, or both: it is recorded, not waited for, and left
// as it is.
func TestFaultFrozen(t *testing.T) {
	hosttest.Cgroup2(t, "cgroup.freeze")
	parent := cgrouptest.New(t)
	c := cgrouptest.Below(t, parent, "frozen")
	cmd := inCgroup(t, c, server...)
	freeze := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(c.Dir(), "cgroup.freeze"), []byte(text), 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, thaw := range []bool{true, false} {
		freeze("1")
		r := record(t, Options{Targets: []Target{{Kind: Cgroup, Text: c.Path}}})
		if thaw {
			freeze("0")
			r.until("calls", r.saw(EventSyscall, "frozen", ""))
			freeze("1")
		}
		one := r.ok().byName()["frozen"]
		if one == nil {
			t.Fatal("no recording")
		}
		lossless(t, one)
		if made := len(one.Syscalls) > 0; made != thaw || one.Workload.Leader.End != "still running" {
			t.Errorf("thawed %v: %d different calls, leader %+v", thaw, len(one.Syscalls), one.Workload.Leader)
		}
	}
	freeze("0")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 7 {
		t.Error(fmt.Errorf("the workload: %w", err))
	}
}

// Threads that their process moves between cgroups which somebody else made, each a workload: a call is counted where it was
// made, and none is a container runtime's.
func TestFaultThreadsMove(t *testing.T) {
	hosttest.Cgroup2(t, "cgroup.type")
	parent := cgrouptest.New(t)
	const threads = 4
	calls := hosttest.Amount(2_000, 400_000)
	hop := hosttest.Program(t, "hop", "-static", "-pthread")
	r := record(t, Options{Targets: []Target{{Kind: All}}, Root: parent.Path})
	host := cgrouptest.Below(t, parent, "host")
	cgrouptest.Below(t, host, "a")
	cgrouptest.Below(t, host, "b")
	if err := inCgroup(t, host, hop, host.Dir(), fmt.Sprint(threads), fmt.Sprint(calls)).Wait(); err != nil {
		t.Fatal(err)
	}
	var made, setup uint64
	for name, one := range r.ok().byName() {
		lossless(t, one)
		t.Logf("%s: phases %s, %d getsid", name, phaseNames(one), count(one, "getsid", ""))
		made += count(one, "getsid", "")
		setup += count(one, "getsid", recording.PhaseSetup)
	}
	if made != uint64(threads*calls) || setup > 0 {
		t.Errorf("counted %d getsid, %d of them in setup; the program made %d", made, setup, threads*calls)
	}
}
