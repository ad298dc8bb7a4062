package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
	"github.com/scallop-sec/scallop/profiler/launch"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// pinned is a scallop record --pin of one cgroup with a load in it.
type pinned struct {
	*place
	t      *testing.T
	name   string
	cgroup *cgroup.Cgroup
	prefix []string     // of scallop's command line
	made   bytes.Buffer // the load's own count
	load   *exec.Cmd
}

func newPinned(t *testing.T) *pinned {
	t.Helper()
	hosttest.Root(t)
	mount, err := cgroup.FindMount()
	if err != nil {
		t.Fatal(err)
	}
	p := &pinned{place: newPlace(t), t: t}
	p.name = "test-" + p.workload
	if p.cgroup, err = cgroup.Create(mount, p.workload); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.run(nil, nil, "record", "--unpin", p.name)
		_ = p.cgroup.Kill()
		_ = p.cgroup.Remove()
	})
	return p
}

// startLoad returns when the load makes calls, until its stop signal.
func (p *pinned) startLoad() {
	p.t.Helper()
	program := hosttest.Program(p.t, "until", "-static")
	var err error
	if p.load, err = launch.Start(launch.Options{Args: []string{program}, Cgroup: p.cgroup, Stdout: &p.made}); err != nil {
		p.t.Fatal(err)
	}
	if err := process.Poll(20*time.Second, nil, func() error { return process.Handles(p.load.Process.Pid, program) }); err != nil {
		p.t.Fatal(err)
	}
}

// stopLoad returns how many calls the load says it made.
func (p *pinned) stopLoad() uint64 {
	p.t.Helper()
	if err := p.load.Process.Signal(unix.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	if err := p.load.Wait(); err != nil {
		p.t.Fatal(err)
	}
	made, err := strconv.ParseUint(strings.TrimSpace(p.made.String()), 10, 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return made
}

// record starts scallop record and waits until everything is attached.
func (p *pinned) record(args ...string) *exec.Cmd {
	p.t.Helper()
	line := slices.Concat(p.prefix, []string{p.program, "record", "--output", "json"}, args)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = p.work
	cmd.Env = append(os.Environ(), "SCALLOP_RUNTIME_DIR="+p.sockets)
	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = cmd.Process.Kill() })
	decoder := json.NewDecoder(events)
	for {
		var event struct{ Event string }
		if err := decoder.Decode(&event); err != nil {
			p.t.Fatalf("scallop record %q did not begin: %v\n%s", args, err, stderr)
		}
		if event.Event == "recording" {
			break
		}
	}
	go func() {
		for decoder.Decode(&struct{}{}) == nil {
		}
	}()
	return cmd
}

func (p *pinned) start() *exec.Cmd {
	return p.record("--cgroup", p.cgroup.Path, "--pin", p.name, "-o", "out")
}

// only is the one recording in the output folder.
func (p *pinned) only() *recording.Recording {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.work, "out", "*"))
	if err != nil || len(files) != 1 {
		p.t.Fatalf("files %q, %v, want one recording", files, err)
	}
	return recorded.Read(p.t, files[0])
}

func (p *pinned) wantNoTrace() {
	p.t.Helper()
	for _, path := range []string{filepath.Join("/sys/fs/bpf/scallop", p.name), filepath.Join(p.sockets, "pinned")} {
		if _, err := os.Lstat(path); err == nil {
			p.t.Errorf("%s is left behind", path)
		}
	}
}

func getppids(r *recording.Recording) uint64 {
	i := slices.IndexFunc(r.Syscalls, func(s recording.Syscall) bool { return s.Name == "getppid" })
	if i < 0 {
		return 0
	}
	return r.Syscalls[i].Total
}

// SIGKILL to scallop under load, five seconds without anybody, and another scallop goes on: not a call is missing, and
// the recording tells of the time without a watcher.
func TestPinnedSurvivesSIGKILL(t *testing.T) {
	p := newPinned(t)
	cmd := p.start()
	p.startLoad()
	time.Sleep(300 * time.Millisecond)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	unwatched := 5 * time.Second
	if testing.Short() {
		unwatched = 500 * time.Millisecond
	}
	time.Sleep(unwatched)
	again := p.record("--resume", p.name)
	made := p.stopLoad()
	if err := p.cgroup.Remove(); err != nil {
		t.Fatal(err)
	}
	if err := again.Wait(); err != nil {
		t.Fatalf("scallop record --resume: %v", err)
	}
	r := p.only()
	if got := getppids(r); got != made || made == 0 {
		t.Errorf("recorded %d getppid, the load made %d", got, made)
	}
	if !r.Complete {
		t.Errorf("incomplete: %q", r.Incomplete)
	}
	if len(r.Gaps) != 1 || r.Gaps[0].EndNs-r.Gaps[0].StartNs < int64(unwatched)*9/10 {
		t.Errorf("gaps %+v, want one of %s", r.Gaps, unwatched)
	}
	if got := phaseNames(r); !slices.Equal(got, []string{"setup", "startup", "shutdown"}) {
		t.Errorf("phases %v", got)
	}
	if end := r.Workload.Leader.End; end != "exited with code 0 after its stop signal" {
		t.Errorf("the leader %s", end)
	}
	p.wantNoTrace() // all that was asked for has ended
}

func phaseNames(r *recording.Recording) []string {
	var names []string
	for _, phase := range r.Phases {
		names = append(names, phase.Name)
	}
	return names
}

// What happens in the life of a workload while nobody watches is found out afterwards: its end, and even its birth.
func TestPinnedLivesUnwatched(t *testing.T) {
	p := newPinned(t)
	if err := p.cgroup.Remove(); err != nil {
		t.Fatal(err)
	}
	cmd := p.record("--cgroup", p.cgroup.Path, "--wait", "--pin", p.name, "-o", "out")
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	mount := p.cgroup.Mount
	var err error
	if p.cgroup, err = cgroup.Create(mount, p.workload); err != nil {
		t.Fatal(err)
	}
	p.startLoad()
	time.Sleep(100 * time.Millisecond)
	made := p.stopLoad()
	if err := p.cgroup.Remove(); err != nil {
		t.Fatal(err)
	}
	if err := p.record("--resume", p.name).Wait(); err != nil {
		t.Fatalf("scallop record --resume: %v", err)
	}
	r := p.only()
	if got := getppids(r); got != made || !r.Complete {
		t.Errorf("recorded %d getppid of %d, complete %v %q", got, made, r.Complete, r.Incomplete)
	}
	if got := phaseNames(r); !slices.Equal(got, []string{"setup", "startup", "shutdown"}) {
		t.Errorf("phases %v", got)
	}
	p.wantNoTrace()
}

// SIGTERM leaves the kernel side counting; --unpin writes what there is and leaves no trace.
func TestPinnedIsLeftAndUnpinned(t *testing.T) {
	p := newPinned(t)
	cmd := p.start()
	if o := p.run(nil, nil, "__complete", "record", "--resume", ""); !slices.Contains(strings.Split(o.stdout, "\n"), p.name) {
		t.Errorf("completion of names: %+v", o)
	}
	if o := p.run(nil, nil, "record", "--resume", p.name); o.code != exitUsage || !strings.Contains(o.stderr, "another scallop is watching") {
		t.Errorf("resumed twice: %+v", o)
	}
	if o := p.run(nil, nil, "record", "--all", "--pin", p.name); o.code != exitUsage || !strings.Contains(o.stderr, "--resume "+p.name) {
		t.Errorf("pinned twice: %+v", o)
	}
	p.startLoad()
	time.Sleep(100 * time.Millisecond)
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("scallop record --pin after SIGTERM: %v", err)
	}
	if r := p.only(); r.Complete || getppids(r) == 0 {
		t.Errorf("what is left counting is complete %v, with %d getppid", r.Complete, getppids(r))
	}
	if o := p.run(nil, nil, "record", "--resume", p.name, "--all"); o.code != exitUsage || !strings.Contains(o.stderr, "--all was said when") {
		t.Errorf("resumed with a target: %+v", o)
	}
	made := p.stopLoad()
	o := p.run(nil, nil, "record", "--unpin", p.name, "--output", "table")
	if o.code != exitOK || !strings.Contains(o.stderr, "scallop: the kernel counted alone for ") || !strings.Contains(o.stderr, "scallop: 1 recording in ") {
		t.Fatalf("scallop record --unpin: %+v", o)
	}
	if r := p.only(); getppids(r) != made || !r.Complete || len(r.Gaps) != 1 {
		t.Errorf("recorded %d getppid of %d, complete %v %q, gaps %v", getppids(r), made, r.Complete, r.Incomplete, r.Gaps)
	}
	p.wantNoTrace()
	if o := p.run(nil, nil, "record", "--resume", p.name); o.code != exitUsage || !strings.Contains(o.stderr, "nothing is pinned") {
		t.Errorf("resumed after --unpin: %+v", o)
	}
}

// State files that somebody broke cost what they held, not the counts.
func TestPinnedWithBrokenState(t *testing.T) {
	p := newPinned(t)
	cmd := p.start()
	p.startLoad()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	files, _ := filepath.Glob(filepath.Join(p.sockets, "pinned", p.name, "w*.json"))
	if len(files) < 2 {
		t.Fatalf("state files: %q", files)
	}
	for _, file := range files {
		if err := os.WriteFile(file, []byte(`{"number": 1e9, "life": {`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	made := p.stopLoad()
	o := p.run(nil, nil, "record", "--unpin", p.name)
	if !strings.Contains(o.stderr, "warning") {
		t.Errorf("no warning: %+v", o)
	}
	p.wantNoTrace()
	if r := p.only(); getppids(r) != made {
		t.Errorf("recorded %d getppid of %d", getppids(r), made)
	}
}

// What was pinned with one hierarchy is not resumed with another, which would mean other cgroups by the same numbers.
func TestPinnedWithOtherMounts(t *testing.T) {
	p := newPinned(t)
	cmd := p.start()
	p.startLoad()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	made := p.stopLoad()
	file := filepath.Join(p.sockets, "pinned", p.name, "watch.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	other := regexp.MustCompile(`"controller":"[^"]*"`).ReplaceAll(text, []byte(`"controller":"hugetlb"`))
	if err := os.WriteFile(file, other, 0o600); err != nil || bytes.Equal(other, text) {
		t.Fatalf("%v: %s", err, text)
	}
	o := p.run(nil, nil, "record", "--resume", p.name)
	if o.code != exitHost || !strings.Contains(o.stderr, "by the hierarchy of hugetlb") || !strings.Contains(o.stderr, "mount cgroups as they were") {
		t.Errorf("resumed: %+v", o)
	}
	o = p.run(nil, nil, "record", "--unpin", p.name)
	if o.code != exitOK || !strings.Contains(o.stderr, "counts are right, names may not be") {
		t.Errorf("given up: %+v", o)
	}
	p.wantNoTrace()
	if r := p.only(); getppids(r) != made {
		t.Errorf("recorded %d getppid of %d", getppids(r), made)
	}
}

// A pin that was cut off, or that another version of scallop made, is not taken over; it can be given up.
func TestPinnedByHalf(t *testing.T) {
	p := newPinned(t)
	cmd := p.start()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err := os.Remove(filepath.Join("/sys/fs/bpf/scallop", p.name, "map-births")); err != nil {
		t.Fatal(err)
	}
	o := p.run(nil, nil, "record", "--resume", p.name)
	if o.code != exitHost || !strings.Contains(o.stderr, "scallop was killed before everything was pinned: give it up with --unpin "+p.name+"\n") {
		t.Errorf("resumed: %+v", o)
	}
	o = p.run(nil, nil, "record", "--unpin", p.name)
	if o.code != exitHost || !strings.Contains(o.stderr, "there are no recordings; it is no longer pinned\n") {
		t.Errorf("given up: %+v", o)
	}
	p.wantNoTrace()
}

// Where no bpffs is mounted, scallop mounts one. Its own folder keeps others out: gobpf's mount is open to all.
func TestPinMountsBPFFS(t *testing.T) {
	p := newPinned(t)
	p.prefix = inMounts(t, "umount -l /sys/fs/bpf || true")
	cmd := p.start()
	there := fmt.Sprintf("/proc/%d/root/sys/fs/bpf", cmd.Process.Pid)
	var fs unix.Statfs_t
	if err := unix.Statfs(there, &fs); err != nil || fs.Type != unix.BPF_FS_MAGIC {
		t.Errorf("%s: type %#x, %v", there, fs.Type, err)
	}
	for _, dir := range []string{"scallop", filepath.Join("scallop", p.name)} {
		if info, err := os.Stat(filepath.Join(there, dir)); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", dir, info, err)
		}
	}
	if _, err := os.Stat(filepath.Join("/sys/fs/bpf/scallop", p.name)); err == nil {
		t.Error("it is pinned on the host's bpffs")
	}
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// Two recorders at a time are told apart, and each records everything.
func TestTwoRecorders(t *testing.T) {
	p := newPinned(t)
	var recorders []*exec.Cmd
	for _, name := range []string{"one", "two"} {
		recorders = append(recorders, p.record("--cgroup", p.cgroup.Path, "--name", name, "-o", name))
	}
	p.startLoad()
	if o := p.run(nil, nil, "mark", p.workload, "reload"); o.code != exitUsage || !strings.Contains(o.stderr, "one and two") {
		t.Errorf("marking without saying which: %+v", o)
	}
	if o := p.run(nil, nil, "mark", "two/"+p.workload, "reload"); o.code != exitOK {
		t.Errorf("marking one: %+v", o)
	}
	made := p.stopLoad()
	if err := p.cgroup.Remove(); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"one", "two"} {
		if err := recorders[i].Wait(); err != nil {
			t.Error(err)
		}
		files, _ := filepath.Glob(filepath.Join(p.work, name, "*.json"))
		if len(files) != 1 {
			t.Fatalf("%s wrote %q", name, files)
		}
		r := recorded.Read(t, files[0])
		if got := getppids(r); got != made || slices.Contains(phaseNames(r), "reload") != (name == "two") {
			t.Errorf("%s: %d getppid of %d, phases %v", name, got, made, phaseNames(r))
		}
	}
}
