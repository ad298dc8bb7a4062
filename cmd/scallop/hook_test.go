package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/hook"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// runtimeOnly are calls that runc makes to set a container up, after the hook: never in a profile of busybox.
var runtimeOnly = []string{"mount", "pivot_root", "umount2", "setns", "unshare", "sethostname"}

func TestHookRunc(t *testing.T) {
	for _, stage := range hook.Stages {
		t.Run(stage, func(t *testing.T) {
			b := newBundle(t)
			b.hooks(stage, nil)
			b.spec.Annotations = map[string]string{hook.Annotation: "rf:" + b.file("rec") + ";of:" + b.file("profile")}
			b.want("mkdir /tmp/new && ls /")
			await(t, b.file("profile"))
			names := allows(readProfile(t, b.file("profile")))
			if !makesFolders(names) {
				t.Errorf("no mkdir in %q", names)
			}
			for _, name := range runtimeOnly {
				if slices.Contains(names, name) {
					t.Errorf("%s is in the profile", name)
				}
			}
			testHookRecording(t, recorded.Read(t, b.file("rec")))

			// Under its profile, where a call that is missing is the end.
			b.under(b.file("profile"))
			whole := *b.spec.Linux.Seccomp
			b.spec.Linux.Seccomp.DefaultAction, b.spec.Linux.Seccomp.DefaultErrnoRet = specs.ActKillProcess, nil
			for _, b.spec.Process.NoNewPrivileges = range []bool{true, false} {
				b.want("mkdir /tmp/new && ls /")
			}
			// Recorded under it: the runtime's calls after the filter are handover.
			b.spec.Linux.Seccomp = &whole
			b.hooks(stage, nil)
			b.spec.Annotations[hook.Annotation] = "of:" + b.file("again") + ";rf:" + b.file("rec2")
			b.want("mkdir /tmp/new && ls /")
			await(t, b.file("again"))
			if got := phasesOfCall(recorded.Read(t, b.file("rec2")), "capset"); !slices.Equal(got, []string{recording.PhaseHandover}) {
				t.Errorf("capset in %q, want handover alone", got)
			}
			b.wantFiles("again", "profile", "rec", "rec2")
		})
	}
}

// testHookRecording: what the runtime does between the hook and the execve is setup.
func testHookRecording(t *testing.T, r *recording.Recording) {
	t.Helper()
	if !r.Complete || !recording.Reached(r, recording.PhaseStartup) {
		t.Errorf("complete: %v, phases %+v", r.Complete, r.Phases)
	}
	if c := r.Workload.Container; c == nil || r.Workload.Kind != recording.KindContainer || !strings.HasPrefix(c.ID, "host") || c.Runtime != "runc" {
		t.Errorf("workload %+v", r.Workload)
	}
	for name, want := range map[string]string{"pivot_root": recording.PhaseSetup, "execve": recording.PhaseSetup, "exit_group": recording.PhaseStartup} {
		if got := phasesOfCall(r, name); !slices.Contains(got, want) {
			t.Errorf("%s in %q, want %s", name, got, want)
		}
	}
}

func phasesOfCall(r *recording.Recording, name string) []string {
	var phases []string
	for _, s := range r.Syscalls {
		if s.Name != name {
			continue
		}
		for phase := range s.Phases {
			phases = append(phases, phase)
		}
	}
	return phases
}

// TestHookDenied: what the input denies stays denied, what it allows stays allowed, its conditions are kept, by what a
// container can do under the result.
func TestHookDenied(t *testing.T) {
	b := newBundle(t)
	write := func(name, text string) string {
		if err := os.WriteFile(b.file(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return b.file(name)
	}
	const mkdir = `"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":13`
	for _, c := range []struct{ name, input string }{
		{"allow-list", `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{` + mkdir + `}]}`},
		{"deny-list", `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{` + mkdir + `}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.t = t
			b.spec.Linux.Seccomp = nil
			b.hooks("prestart", nil)
			b.spec.Annotations = map[string]string{hook.Annotation: "if:" + write(c.name, c.input) + ";of:" + b.file(c.name+".out")}
			b.want("mkdir /tmp/new && ls /")
			await(t, b.file(c.name+".out"))
			b.under(b.file(c.name + ".out"))
			b.want("ls /")
			o := b.runc("mkdir /tmp/new")
			if o.code == 0 || !strings.Contains(o.stderr, "Permission denied") {
				t.Errorf("mkdir: exit code %d: %s", o.code, o.stderr)
			}
		})
	}
}

// TestHookFails: what is wrong keeps the container from starting, with scallop's error, and nothing is left. No path
// here is one of the host's own: a hook that checks too little must do no harm.
func TestHookFails(t *testing.T) {
	b := newBundle(t)
	elsewhere := t.TempDir()
	target, link := filepath.Join(elsewhere, "target"), b.file("link")
	if err := errors.Join(os.WriteFile(target, []byte("hello"), 0o600), os.Symlink(target, link)); err != nil {
		t.Fatal(err)
	}
	out := "of:" + b.file("profile")
	for _, c := range []struct {
		value, want string
		flags       []string
	}{
		{"", "it is empty", nil},
		{"of:profile", "is not absolute", nil},
		{"if:" + target, "of: is missing", nil},
		{out + ";if:/nowhere/in.json", "/nowhere/in.json: no such file or directory: check the path", nil},
		{out + ";if:" + target, "it is no seccomp profile", nil},
		{out + ";if:/dev/zero", "it is larger than", nil},
		{"of:/nowhere/profile", "its folder does not exist: create the folder first", nil},
		{"of:" + b.work, "it is a folder", nil},
		{"of:" + link, "it is a link", nil},
		{out + ";rf:" + link, "it is a link", nil},
		{"of:/dev/null", "it is a device", nil},
		{out, "allows files below " + elsewhere + " only", []string{"--below", elsewhere}},
		{out + ";rf:" + elsewhere + "/rec.json", "allows files below", []string{"--below", b.work}},
		{out, "the recorder is not ready after 1ns", []string{"--timeout", "1ns"}},
	} {
		b.hooks("prestart", c.flags)
		b.spec.Annotations = map[string]string{hook.Annotation: c.value}
		o := b.runc("ls /")
		if o.code == 0 || o.stdout != "" {
			t.Errorf("%q: the container started: exit code %d, %s", c.value, o.code, o.stdout)
		}
		if !strings.Contains(o.stderr, c.want) {
			t.Errorf("%q: no %q in: %s", c.value, c.want, o.stderr)
		}
	}
	b.wantFiles("link")
	if got := list(t, elsewhere); !slices.Equal(got, []string{"target"}) {
		t.Errorf("elsewhere: %q", got)
	}
	if text, _ := os.ReadFile(target); string(text) != "hello" {
		t.Errorf("the file behind the link holds %q", text)
	}
}

// TestHookPods: in a pod, an annotation may be for one container.
func TestHookPods(t *testing.T) {
	b := newBundle(t)
	b.hooks("prestart", []string{"--below", b.work})
	b.spec.Annotations = map[string]string{hook.Annotation + "/web": "of:" + b.file("profile"), "io.kubernetes.container.name": "sidecar"}
	b.want("ls /")
	wantNoProcess(t, b.program) // none was started
	b.wantFiles()
	b.spec.Annotations["io.kubernetes.container.name"] = "web"
	b.want("ls /")
	await(t, b.file("profile"))
	b.wantFiles("profile")
}

// TestHookNoStart: a container that another hook stops has no profile, and the one from before stays.
func TestHookNoStart(t *testing.T) {
	b := newBundle(t)
	if err := os.WriteFile(b.file("profile"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	b.hooks("prestart", nil, specs.Hook{Path: hosttest.Tool(t, "false", "coreutils")})
	b.spec.Annotations = map[string]string{hook.Annotation: "of:" + b.file("profile")}
	if o := b.runc("ls /"); o.code == 0 {
		t.Errorf("the container started: %s", o.stdout)
	}
	await(t, b.file("profile.error"))
	text, _ := os.ReadFile(b.file("profile.error"))
	if !strings.Contains(string(text), "ended before its program was started") {
		t.Errorf("%s", text)
	}
	if text, _ := os.ReadFile(b.file("profile")); string(text) != "old" {
		t.Errorf("the profile is %q", text)
	}
	// The next one that works takes the word back.
	b.hooks("prestart", nil)
	b.want("ls /")
	wantNoProcess(t, b.program)
	b.wantFiles("profile")
	if len(allows(readProfile(t, b.file("profile")))) == 0 {
		t.Error("the profile is not written")
	}
}

// TestHookStopped: a recorder that is told to end waits for its container for a while, and then writes what it has.
func TestHookStopped(t *testing.T) {
	ctx, stop := untilStopped(t.Context(), time.Millisecond)
	defer stop()
	if err := unix.Kill(os.Getpid(), unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()

	b := newBundle(t)
	b.spec.Mounts = append(b.spec.Mounts, specs.Mount{Destination: "/work", Type: "bind", Source: b.work, Options: []string{"bind"}})
	for _, signals := range []int{1, 2} {
		b.hooks("prestart", nil)
		profile := b.file(fmt.Sprintf("profile%d", signals))
		b.spec.Annotations = map[string]string{hook.Annotation: "of:" + profile}
		done := make(chan outcome)
		go func() {
			done <- b.runc("true > /work/started; while [ ! -e /work/end ]; do sleep 0.01; done; mkdir /tmp/late")
		}()
		await(t, b.file("started"))
		for n := range signals {
			signalAll(t, running(b.program))
			if n == 1 {
				wantNoProcess(t, b.program) // at once, while the container runs
			}
			time.Sleep(10 * time.Millisecond) // two signals at a time count as one
		}
		if err := os.WriteFile(b.file("end"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if o := <-done; o.code != 0 {
			t.Fatalf("exit code %d: %s", o.code, o.stderr)
		}
		await(t, profile)
		names := allows(readProfile(t, profile))
		if late := makesFolders(names); late != (signals == 1) {
			t.Errorf("after %d signals, what came later is in the profile: %v", signals, late)
		}
		if err := errors.Join(os.Remove(b.file("started")), os.Remove(b.file("end"))); err != nil {
			t.Fatal(err)
		}
	}
}

func signalAll(t *testing.T, exes []string) {
	t.Helper()
	for _, exe := range exes {
		var pid int
		if _, err := fmt.Sscanf(exe, "/proc/%d/exe", &pid); err != nil {
			t.Fatal(err)
		}
		_ = unix.Kill(pid, unix.SIGTERM)
	}
}

// TestHookCapabilities: with these a container is recorded; without the first two it does not start, and the
// error tells why.
func TestHookCapabilities(t *testing.T) {
	b := newBundle(t)
	b.spec.Annotations = map[string]string{hook.Annotation: "of:" + b.file("profile")}
	with := func(names ...string) {
		prefix := onlyCapabilities(t, names...)
		b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: prefix[0], Args: slices.Concat(prefix, []string{b.program, "hook"})}}}
	}
	with("dac_override")
	o := b.runc("ls /")
	if o.code == 0 || o.stdout != "" || !strings.Contains(o.stderr, "exit status 3") || !strings.Contains(o.stderr, "cap_bpf") {
		t.Errorf("exit code %d: %s%s", o.code, o.stdout, o.stderr)
	}
	b.wantFiles()
	with("bpf", "perfmon")
	b.want("ls /")
	await(t, b.file("profile"))
}

// TestHookMany: every container has a recorder of its own.
func TestHookMany(t *testing.T) {
	const many = 4
	done := make(chan string, many)
	for n := range many {
		b := newBundle(t)
		b.hooks("createRuntime", nil)
		b.spec.Annotations = map[string]string{hook.Annotation: "of:" + b.file("profile")}
		command := "ls /"
		if n%2 == 0 {
			command = "mkdir /tmp/new"
		}
		go func() {
			if o := b.runc(command); o.code != 0 {
				done <- ""
				return
			}
			done <- b.file("profile")
		}()
	}
	var mkdirs int
	for range many {
		path := <-done
		if path == "" {
			t.Fatal("a container did not start")
		}
		await(t, path)
		if names := allows(readProfile(t, path)); makesFolders(names) {
			mkdirs++
		}
	}
	if mkdirs != many/2 {
		t.Errorf("mkdir is in %d of %d profiles", mkdirs, many)
	}
}

// TestHookIncomplete: no profile could be trusted that lacks calls. The recording is kept.
func TestHookIncomplete(t *testing.T) {
	dir := t.TempDir()
	rec := recorded.Read(t, "../../testdata/recordings/nginx.json")
	rec.Complete, rec.Incomplete = false, []string{"7 calls were lost"}
	r := &hookRecorder{log: &hookLog{}, job: &hookJob{Request: hook.Request{Output: filepath.Join(dir, "profile")}}}
	err := r.finish(rec)
	kept := filepath.Join(dir, "profile.recording.json")
	if err == nil || !strings.Contains(err.Error(), "7 calls were lost") || !strings.Contains(err.Error(), kept) {
		t.Errorf("%v", err)
	}
	r.fail(err)
	if got := list(t, dir); !slices.Equal(got, []string{"profile.error", "profile.recording.json"}) {
		t.Errorf("files %q", got)
	}
	if got := recorded.Read(t, kept); got.Complete || got.ID != rec.ID {
		t.Errorf("complete: %v", got.Complete)
	}

	rec.Complete, rec.Incomplete, rec.Phases, rec.Syscalls = true, nil, nil, nil
	if err := r.finish(rec); !errors.Is(err, errNotStarted) {
		t.Errorf("without startup: %v", err)
	}
}

// TestHookFile: who may write to the folder must not lead root elsewhere.
func TestHookFile(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(target, []byte("old"), 0o600), os.Symlink(target, link)); err != nil {
		t.Fatal(err)
	}
	if err := writeHookFile(link, []byte("new")); err == nil {
		t.Error("a link is followed")
	}
	if text, _ := os.ReadFile(target); string(text) != "old" {
		t.Errorf("the file behind the link holds %q", text)
	}
	if err := writeHookFile(target, []byte("new")); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(target)
	if err != nil || info.Mode() != fs.FileMode(0o644) {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
