package denials_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	bpf "github.com/scallop-sec/scallop/bpf/denials"
	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/cgroup/cgrouptest"
	"github.com/scallop-sec/scallop/profiler/confine"
	"github.com/scallop-sec/scallop/profiler/denials"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/launch"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// C and Go must agree on what they share.
func TestSizes(t *testing.T) {
	for name, size := range map[string][2]uintptr{
		"denial_key": {unsafe.Sizeof(bpf.DenialsDenialKey{}), 24},
		"denial":     {unsafe.Sizeof(bpf.DenialsDenial{}), 112},
		"task_state": {unsafe.Sizeof(bpf.DenialsTaskState{}), 8},
		"stack":      {unsafe.Sizeof(bpf.DenialsStack{}), 8 + 64*8},
		"judge_key":  {unsafe.Sizeof(bpf.DenialsJudgeKey{}), 8},
		"judged_key": {unsafe.Sizeof(bpf.DenialsJudgedKey{}), 64},
	} {
		if size[0] != size[1] {
			t.Errorf("%s has %d bytes in Go, %d in C", name, size[0], size[1])
		}
	}
}

// watcher watches beside a recorder of its own.
type watcher struct {
	*denials.Watcher
	recorder *profiler.Recorder
}

// watch opens and starts a watcher, which ends with the test.
func watch(t *testing.T, opts denials.Options) *watcher {
	t.Helper()
	hosttest.Root(t)
	recorder, err := profiler.Open(profiler.Options{Sizes: profiler.SizesFor(16), Probe: opts.Probe, Uncounted: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { recorder.Close() })
	opts.Recorder = recorder
	w, err := denials.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	if err := errors.Join(w.Start(), recorder.Start()); err != nil {
		t.Fatal(err)
	}
	return &watcher{w, recorder}
}

// add takes a cgroup, with all below it, for a workload of its own.
func (w *watcher) add(t *testing.T, id uint64) (number int) {
	t.Helper()
	number, err := w.recorder.AddWorkload(profiler.WorkloadOptions{CgroupID: id, Class: cgroup.Whole, Phase: profiler.PhaseStartup})
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func snapshot(t *testing.T, w *watcher) *denials.Snapshot {
	t.Helper()
	s, err := w.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A process in a cgroup that the workload makes for itself is still the workload's.
func TestChildCgroup(t *testing.T) {
	hosttest.Cgroup2(t, "the script reads cgroup2's line of /proc/self/cgroup")
	program := hosttest.Program(t, "denied", "-static", "-pthread")
	w := watch(t, denials.Options{})
	mount, err := cgroup.FindMount()
	if err != nil {
		t.Fatal(err)
	}
	script := `own=$1$(sed -n 's/^0:://p' /proc/self/cgroup); mkdir "$own/child"; echo $$ >"$own/child/cgroup.procs"; shift; exec "$@"`
	var text strings.Builder
	cmd, _ := startTo(t, w, &text,
		"/bin/sh", "-ec", script, "sh", mount.Path, program, "errno", "2", "2", "10")
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	s := snapshot(t, w)
	if got, want := seen(t, s.Denials, denials.Errno, -1), told(t, text.String()); len(want) == 0 || !maps.Equal(got, want) {
		t.Errorf("counted %v\nthe program was denied %v", got, want)
	}
}

// Of a call that began before the watch only the exit is seen: it is not taken for denied, but said, unless all tasks were
// looked at, who wait in a call.
func TestBegunBefore(t *testing.T) {
	for name, test := range map[string]struct {
		seed   bool
		unsure uint64
	}{"not looked at": {false, 1}, "looked at": {true, 0}} {
		for way, opts := range ways {
			t.Run(name+", "+way, func(t *testing.T) { testBegunBefore(t, opts, test.seed, test.unsure) })
		}
	}
}

func testBegunBefore(t *testing.T, opts denials.Options, seed bool, unsure uint64) {
	hosttest.Root(t)
	c := cgrouptest.New(t)
	deny := &confine.Filter{Program: []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_UMASK, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}}
	theirs, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd, err := launch.Start(launch.Options{
		Args: []string{"/bin/sh", "-c", "read line; umask"}, Env: os.Environ(), Stdin: theirs, Cgroup: c, Filter: deny,
	})
	if err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	waitForInput(t, cmd.Process.Pid)
	w := watch(t, opts)
	id, err := c.ID()
	if err != nil {
		t.Fatal(err)
	}
	w.add(t, id)
	if seed {
		if err := w.Seed(); err != nil {
			t.Fatal(err)
		}
	}
	ours.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	s := snapshot(t, w)
	if len(s.Denials) != 1 || s.Denials[0].Name() != "umask" || s.Denials[0].Return != -int64(unix.EACCES) {
		t.Errorf("umask is denied to the shell, and nothing else: %+v", s.Denials)
	}
	if s.Losses[denials.LossUnsure] != unsure {
		t.Errorf("%d calls may have begun before, not %d", s.Losses[denials.LossUnsure], unsure)
	}
}

// Threads that are inside calls when another one loads a filter into them are denied nothing but what the filter denies.
func TestTSync(t *testing.T) {
	program := hosttest.Program(t, "tsync", "-static", "-pthread")
	for way, opts := range ways {
		w := watch(t, opts)
		list, state, _ := watched(t, w, program, "8", "100")
		var n uint64
		for _, d := range list {
			if d.Name() != "getppid" || d.Action != denials.Errno {
				t.Errorf("%s: %+v", way, d)
			}
			n += d.Count
		}
		if n != 800 || !state.Success() {
			t.Errorf("%s: %d getppid of 800 denied, %s", way, n, state)
		}
	}
}

// waitForInput returns when the shell waits for its line: dash in read, busybox in poll or ppoll.
func waitForInput(t *testing.T, pid int) {
	t.Helper()
	native, _ := syscalls.Native(runtime.GOARCH)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
		if err != nil {
			continue
		}
		call, arguments, _ := strings.Cut(string(text), " ")
		nr, err := strconv.Atoi(call)
		if err != nil {
			continue // it runs
		}
		switch name, _ := syscalls.Name(native, nr); name {
		case "read":
			if strings.HasPrefix(arguments, "0x0 ") {
				return
			}
		case "poll", "ppoll":
			return
		}
	}
	t.Fatalf("process %d does not wait for input", pid)
}

// A tracer can skip calls, too: the evidence says that there was one.
func TestTraced(t *testing.T) {
	program := hosttest.Program(t, "denied", "-static", "-pthread")
	strace := hosttest.Tool(t, "strace", "strace")
	w := watch(t, denials.Options{})
	cmd := start(t, w,
		strace, "-f", "-o", filepath.Join(t.TempDir(), "log"), program, "errno", "2", "1", "3")
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	s := snapshot(t, w)
	var n uint64
	for _, d := range s.Denials {
		n += d.Count
		if !d.Traced || d.Action != denials.Errno {
			t.Errorf("%+v", d)
		}
	}
	if n != 40*2*3 {
		t.Errorf("the program was denied 240 calls, not %d: %+v", n, s)
	}
}

// Of the calls in Judges the arguments that decide are counted, of others none.
func TestJudged(t *testing.T) {
	kinds := hosttest.Program(t, "kinds", hosttest.Bare...)
	native, _ := syscalls.Native(runtime.GOARCH)
	number := func(name string) int {
		nr, _ := syscalls.Number(native, name)
		return nr
	}
	for way, opts := range ways {
		opts.Judges = []denials.Judge{
			{ABI: native, Nr: number("close"), Args: [6]bool{true}},
			{ABI: native, Nr: number("dup"), Args: [6]bool{1: true, 2: true}},
			{ABI: syscalls.RISCV64, Nr: number("lseek"), Args: [6]bool{true}}, // cannot occur here
		}
		w := watch(t, opts)
		c := cgrouptest.New(t)
		id, err := c.ID()
		if err != nil {
			t.Fatal(err)
		}
		w.add(t, id)
		allow := &confine.Filter{Program: []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW}}}
		cmd, err := launch.Start(launch.Options{Args: []string{kinds}, Cgroup: c, Filter: allow})
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		s := snapshot(t, w)
		want := map[int][6]uint64{number("close"): {^uint64(0)}, number("dup"): {}}
		if len(s.Judged) != len(want) {
			t.Errorf("%s: %+v", way, s.Judged)
		}
		for _, j := range s.Judged {
			if args, ok := want[j.Nr]; !ok || j.Args != args || j.Count != 1000 || j.ABI != native {
				t.Errorf("%s: the program makes 1000 of these: %+v", way, j)
			}
		}
	}
}
