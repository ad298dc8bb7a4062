package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// podman is a Podman of its own. It has scallop as a hook.
type podman struct {
	*place
	room   *room.Room
	engine *room.Engine
}

func newPodman(t *testing.T, stage string) *podman {
	t.Helper()
	hosttest.Tools(t, "podman", "podman", "runc", "runc", "unshare", "util-linux", "nsenter", "util-linux")
	p := &podman{place: newPlace(t), room: room.New(t, room.Options{})}
	p.engine = p.room.Podman()
	p.engine.Client = append(p.engine.Client, "--hooks-dir", p.room.Path("hooks.d"))
	t.Cleanup(func() { awaitNone(t, p.processes) })
	p.install(stage)
	p.importImage()
	return p
}

// processes are those that Podman left to clean up after its containers, and recorders.
func (p *podman) processes() []string {
	var left []string
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, line := range lines {
		if text, err := os.ReadFile(line); err == nil && filepath.Dir(line) != fmt.Sprint("/proc/", p.room.PID()) && bytes.Contains(text, []byte(p.room.Dir)) {
			left = append(left, string(bytes.ReplaceAll(text, []byte{0}, []byte{' '})))
		}
	}
	return left
}

// install puts scallop's own configuration where Podman looks for hooks.
func (p *podman) install(stage string) {
	p.t.Helper()
	o := p.place.run(nil, nil, "hook", "--print-config", "--stage", stage)
	dir := p.room.Path("hooks.d")
	err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "scallop.json"), []byte(o.stdout), 0o644))
	if err != nil || o.code != 0 {
		p.t.Fatalf("%v, %s", err, o.stderr)
	}
}

func (p *podman) do(args ...string) outcome {
	p.t.Helper()
	return outcomeOf(p.t, p.engine.Command(args...))
}

const hookImage = "scallop-hook"

func (p *podman) importImage() {
	p.t.Helper()
	rootfs := p.room.Path("rootfs")
	makeBusybox(p.t, rootfs)
	path := p.room.Path("image.tar")
	f, err := os.Create(path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	w := tar.NewWriter(f)
	if err := errors.Join(w.AddFS(linkFS{os.DirFS(rootfs), rootfs}), w.Close()); err != nil {
		p.t.Fatal(err)
	}
	if o := p.do("import", path, hookImage); o.code != 0 {
		p.t.Fatal(o.stderr)
	}
}

// container runs one that ends by itself. It has the capabilities and the seccomp profile that Podman gives, or the
// one that is named.
func (p *podman) container(annotation, profile, command string) outcome {
	p.t.Helper()
	args := []string{"--rm"}
	if annotation != "" {
		args = append(args, "--annotation", annotation)
	}
	if profile != "" {
		args = append(args, "--security-opt", "seccomp="+profile)
	}
	return p.start(command, args...)
}

func (p *podman) start(command string, flags ...string) outcome {
	p.t.Helper()
	args := slices.Concat([]string{"run", "--network", "none", "--log-driver", "none"}, p.engine.Run, flags)
	return p.do(append(args, hookImage, "sh", "-c", command)...)
}

// record returns the profile of a container that must succeed.
func (p *podman) record(name, input, command string) string {
	p.t.Helper()
	path := filepath.Join(p.work, name)
	annotation := "io.containers.trace-syscall=of:" + path
	if input != "" {
		annotation = "io.containers.trace-syscall=if:" + input + ";of:" + path
	}
	if o := p.container(annotation, "", command); o.code != 0 {
		p.t.Fatalf("%s: exit code %d: %s", command, o.code, o.stderr)
	}
	await(p.t, path)
	return path
}

func (p *podman) works(profile, command string) {
	p.t.Helper()
	if o := p.container("", profile, command); o.code != 0 {
		p.t.Errorf("%s: exit code %d: %s", command, o.code, o.stderr)
	}
}

func (p *podman) fails(profile, command, why string) {
	p.t.Helper()
	if o := p.container("", profile, command); o.code == 0 || !strings.Contains(o.stderr, why) {
		p.t.Errorf("%s: exit code %d, no %q in: %s", command, o.code, why, o.stderr)
	}
}

// TestHookPodman has the cases of oci-seccomp-bpf-hook's own tests (test/*.bats), with mkdir where they ping.
func TestHookPodman(t *testing.T) {
	p := newPodman(t, "prestart")
	const notImplemented = "Function not implemented"

	// "Podman available", and containers without the annotation are left alone.
	p.works("", "ls /")
	if list := running(p.program); len(list) != 0 {
		t.Errorf("a recorder for nobody: %q", list)
	}
	// "Trace and check size of generated profile", "Trace and use generated profile".
	ls := p.record("ls.json", "", "ls /")
	p.works(ls, "ls /")
	for _, name := range allows(readProfile(t, ls)) {
		if slices.Contains(runtimeOnly, name) {
			t.Errorf("%s is in the profile", name)
		}
	}
	// "Containers fails to run blocked syscall".
	p.fails(ls, "mkdir /tmp/new", notImplemented)
	// "Extend existing seccomp profile".
	both := p.record("both.json", ls, "mkdir /tmp/new")
	p.works(both, "ls /")
	p.works(both, "mkdir /tmp/new")
	// "Syscall blocked in input profile remains blocked in output profile".
	p.works(p.record("mkdir.json", "", "mkdir /tmp/new"), "mkdir /tmp/new")
	block := p.room.Path("block.json")
	const text = `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
		{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","args":[],"comment":"","includes":{},"excludes":{}}]}`
	if err := os.WriteFile(block, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p.fails(p.record("blocked.json", block, "mkdir /tmp/new"), "mkdir /tmp/new", "Operation not permitted")
	if o := p.container("io.containers.trace-syscall=of:relative", "", "ls /"); o.code == 0 || o.stdout != "" ||
		!strings.Contains(o.stderr, `of: the path "relative" is not absolute`) {
		t.Errorf("a bad annotation: exit code %d: %s%s", o.code, o.stdout, o.stderr)
	}
	p.wantFiles("blocked.json", "both.json", "ls.json", "mkdir.json")
}

// TestHookGrows: a profile that is its own input grows, and Podman's default profile can be extended.
func TestHookGrows(t *testing.T) {
	p := newPodman(t, "createRuntime")
	const name = "grows.json"
	path := p.record(name, "", "ls /")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p.fails(path, "mkdir /tmp/new", "Function not implemented")
	p.record(name, path, "mkdir /tmp/new")
	wantNoProcess(t, p.program)
	after, err := os.ReadFile(path)
	if err != nil || bytes.Equal(before, after) {
		t.Errorf("it has not grown: %v", err)
	}
	p.works(path, "mkdir /tmp/new")
	p.works(path, "ls /")

	const standard = "/usr/share/containers/seccomp.json"
	if _, err := os.Stat(standard); err != nil {
		hosttest.Lack(t, standard+" (Debian package golang-github-containers-common)")
	}
	extended := p.record("extended.json", standard, "ls / && mkdir /tmp/new")
	p.works(extended, "ls / && mkdir /tmp/new && sleep 0")
	p.wantFiles("extended.json", name)
}

// TestHookStopSignal: a server is recorded to its end, and the stop signal that Podman was given begins shutdown.
func TestHookStopSignal(t *testing.T) {
	p := newPodman(t, "prestart")
	profile, rec := filepath.Join(p.work, "profile"), filepath.Join(p.work, "rec")
	const server = `trap 'mkdir /tmp/bye; exit' USR1; echo ready > /dev/shm/ready; while :; do sleep 0.01; done`
	o := p.start(server, "--detach", "--name", "server", "--stop-signal", "USR1",
		"--annotation", "io.containers.trace-syscall=of:"+profile+";rf:"+rec)
	if o.code != 0 {
		t.Fatal(o.stderr)
	}
	for range 500 {
		if p.do("exec", "server", "ls", "/dev/shm/ready").code == 0 {
			break
		}
	}
	if o := p.do("stop", "server"); o.code != 0 {
		t.Fatal(o.stderr)
	}
	await(t, profile)
	r := recorded.Read(t, rec)
	if got := append(phasesOfCall(r, "mkdir"), phasesOfCall(r, "mkdirat")...); !slices.Contains(got, recording.PhaseShutdown) || r.Workload.Container.Engine != "podman" {
		t.Errorf("mkdir in %q of a container of %q", got, r.Workload.Container.Engine)
	}
	for _, name := range allows(readProfile(t, profile)) {
		if slices.Contains(runtimeOnly, name) {
			t.Errorf("%s is in the profile", name) // of podman exec
		}
	}
	if o := p.do("rm", "server"); o.code != 0 {
		t.Error(o.stderr)
	}
}

// TestHookLog has the case of their test/01-syslog.bats: the log tells of the recording.
func TestHookLog(t *testing.T) {
	p := newPodman(t, "createRuntime")
	if info, err := os.Lstat("/dev/log"); err == nil && info.Mode()&fs.ModeSymlink == 0 {
		t.Skip("a system log listens at /dev/log itself, which this test does not take from it")
	}
	log, err := net.ListenPacket("unixgram", fmt.Sprintf("/proc/%d/root/run/log", p.room.PID()))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.record("ls.json", "", "ls /")
	wantNoProcess(t, p.program)
	var text strings.Builder
	buf := make([]byte, 64<<10)
	for _ = log.SetReadDeadline(time.Now().Add(time.Second)); ; {
		n, _, err := log.ReadFrom(buf)
		if err != nil {
			break
		}
		fmt.Fprintf(&text, "%s\n", buf[:n])
		if strings.Contains(text.String(), "wrote") {
			break
		}
	}
	for _, want := range []string{"scallop-hook[", ": recording container ", ": wrote " + p.work + "/ls.json", "was recorded under a seccomp filter"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in:\n%s", want, &text)
		}
	}
}

// linkFS is a folder with its symbolic links.
type linkFS struct {
	fs.FS
	dir string
}

func (l linkFS) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(filepath.Join(l.dir, name)) }
func (l linkFS) ReadLink(name string) (string, error)   { return os.Readlink(filepath.Join(l.dir, name)) }
