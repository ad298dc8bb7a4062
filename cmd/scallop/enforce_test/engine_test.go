package enforce_test

import (
	"archive/tar"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/audit/audittest"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/process"
)

func TestDocker(t *testing.T) {
	hosttest.Tools(t, "nginx", "nginx-light", "dockerd", "docker.io", "docker", "docker.io", "unshare", "util-linux")
	testEngine(t, startDocker)
}

func TestPodman(t *testing.T) {
	hosttest.Tools(t, "nginx", "nginx-light", "podman", "podman", "runc", "runc", "unshare", "util-linux")
	testEngine(t, startPodman)
}

// testEngine leads nginx through its life in a container of an engine that is given the
// profile as its users give it.
func testEngine(t *testing.T, start func(*testing.T, *room) *engine) {
	watch := audittest.Start(t)
	s := newNginx(t)
	recording := record(t, s)
	e := start(t, newRoom(t))
	for _, format := range []string{"docker", "oci"} {
		for _, action := range []string{"errno", "kill_process"} {
			t.Run(format+"/"+action, func(t *testing.T) {
				c := e.run(t, s, exportProfile(t, recording, format, "--default-action", action))
				if err := (&life{s, c, true, manyRequests, 0}).lead(); err != nil {
					t.Errorf("%v\n%s", err, &c.Out)
				}
				if denied := watch.Of(t, e.room.loginuid, 0); len(denied) > 0 {
					t.Errorf("denied: %v", denied)
				}
			})
		}
	}
	t.Run("without/epoll_wait", func(t *testing.T) { testEngineRemoval(t, watch, e, s, recording) })
}

// testEngineRemoval is testRemoval with an engine, which must also pass the profile's errno on.
func testEngineRemoval(t *testing.T, watch *audittest.Watch, e *engine, s *server, recording string) {
	c := e.run(t, s, lessEpollWait(t, exportProfile(t, recording, "docker", "--portability", "none")))
	err := (&life{s, c, true, fewRequests, shortPatience}).lead()
	c.remove()
	if failedAt(err) != stepStart {
		t.Errorf("failed at %q, want %q: %v\n%s", failedAt(err), stepStart, err, &c.Out)
	}
	if want := "epoll_wait() failed (" + e.errno + ")"; !strings.Contains(c.Out.String(), want) {
		t.Errorf("nginx did not say %q:\n%s", want, &c.Out)
	}

	logged := e.run(t, s, lessEpollWait(t, exportProfile(t, recording, "docker", "--default-action", "log", "--portability", "none")))
	if err := (&life{s, logged, true, fewRequests, 0}).lead(); err != nil {
		t.Errorf("epoll_wait logged: %v\n%s", err, &logged.Out)
	}
	if names := audittest.Names(watch.Of(t, e.room.loginuid, 0)); len(names) != 1 || names[0] != "epoll_wait" {
		t.Errorf("logged %v, want epoll_wait alone", names)
	}
}

// lessEpollWait takes the call out of a profile by the text: the engine reads the rest as it was
// written.
func lessEpollWait(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(data), `"epoll_wait"`, `"exit"`, 1)
	if text == string(data) {
		t.Fatal("the profile has no epoll_wait")
	}
	return writeFile(t, t.TempDir(), "less.json", text)
}

// room is a mount namespace that shows its engine a pure cgroup2 host, whatever the real one
// has. All that the engine mounts goes away with it, and all that it leaves in places that
// no flag changes.
type room struct {
	*process.Process
	dir      string
	loginuid int // of everything that runs in it
}

func newRoom(t *testing.T) *room {
	t.Helper()
	const script = `umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup || exit
		for dir in /run /dev/shm /etc/docker /var/lib; do
			case "$0" in $dir/*) continue;; esac # TMPDIR may be there
			if [ -d $dir ]; then mount -t tmpfs none $dir || exit; fi
		done
		touch "$0" && exec sleep infinity`
	r := &room{dir: hosttest.SharedDir(t), loginuid: audittest.NewLoginUID()}
	there := filepath.Join(r.dir, "there")
	cmd := exec.Command("unshare", "--mount", "sh", "-c", script, there)
	r.Process = process.Start(t, cmd, nil)
	t.Cleanup(func() { r.End(unix.SIGKILL) })
	r.Await(t, defaultPatience, func() error { _, err := os.Stat(there); return err })
	return r
}

// command is run inside the room.
func (r *room) command(args ...string) *exec.Cmd {
	args = audittest.WithLoginUID(r.loginuid, args...)
	return exec.Command("nsenter", append([]string{"--mount", "--target", strconv.Itoa(r.PID()), "--"}, args...)...)
}

// engine is Docker or Podman.
type engine struct {
	room     *room
	cli      []string // the client with its global flags
	runFlags []string
	errno    string // of a denied call, as nginx words it
}

const (
	enosys = "38: Function not implemented"
	eperm  = "1: Operation not permitted"
)

func (e *engine) do(args ...string) (string, error) {
	return process.Output(e.room.command(append(e.cli[:len(e.cli):len(e.cli)], args...)...))
}

const engineImage = "scallop-enforce"

// importImage makes an image of empty folders, for the host's to be mounted on.
func (e *engine) importImage(t *testing.T) {
	t.Helper()
	path := filepath.Join(e.room.dir, "image.tar")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := tar.NewWriter(f)
	for _, dir := range append(hostDirs(), "/tmp", "/var", "/run") {
		err = errors.Join(err, w.WriteHeader(&tar.Header{Name: dir[1:] + "/", Typeflag: tar.TypeDir, Mode: 0o755}))
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.do("import", path, engineImage); err != nil {
		t.Fatal(err)
	}
}

// engineContainer is a server in a container of an engine's.
type engineContainer struct {
	*process.Process
	engine *engine
	name   string
}

func (e *engine) run(t *testing.T, s *server, profile string) *engineContainer {
	t.Helper()
	s.reset(t)
	c := &engineContainer{engine: e, name: containerName()}
	args := append(append([]string{"run"}, e.runFlags...), "--name", c.name, "--network", "host",
		"--log-driver", "none", "--security-opt", "seccomp="+profile, "--stop-signal", s.stop, "--volume", s.dir+":"+s.dir)
	for _, dir := range hostDirs() {
		args = append(args, "--volume", dir+":"+dir+":ro")
	}
	args = append(append(args, engineImage), s.args...)
	c.Process = process.Start(t, e.room.command(append(e.cli[:len(e.cli):len(e.cli)], args...)...), nil)
	t.Cleanup(c.remove)
	return c
}

// remove ends the container at any time, and again. Podman's rm alone would ask
// it to stop first, and wait.
func (c *engineContainer) remove() {
	_, _ = c.engine.do("kill", c.name)
	_, _ = c.engine.do("rm", "--force", c.name)
	c.End(unix.SIGKILL)
}

func (c *engineContainer) leader() (int, error) {
	text, err := c.engine.do("inspect", "--format", "{{.State.Pid}}", c.name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// signal stops the container if it is its stop signal: with the engine's own stop.
func (c *engineContainer) signal(name string) error {
	args := []string{"stop", c.name}
	if name == "HUP" {
		args = []string{"kill", "--signal", name, c.name}
	}
	_, err := c.engine.do(args...)
	return err
}

// removeCgroup takes the parent of the engine's cgroups away, which it leaves behind.
func (r *room) removeCgroup(name string) {
	_, _ = process.Output(r.command("find", "/sys/fs/cgroup/"+name, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"))
}

func startDocker(t *testing.T, r *room) *engine {
	t.Helper()
	socket := "unix://" + filepath.Join(r.dir, "docker.sock")
	parent := containerName()
	e := &engine{room: r, cli: []string{"docker", "--host", socket}}
	cmd := r.command("dockerd", "--data-root", filepath.Join(r.dir, "data"), "--exec-root", filepath.Join(r.dir, "exec"),
		"--pidfile", filepath.Join(r.dir, "docker.pid"), "--host", socket, "--cgroup-parent", "/"+parent,
		// Works on any file system, and the image is next to empty.
		"--storage-driver", "vfs", "--iptables=false", "--bridge=none")
	daemon := process.Start(t, cmd, nil)
	t.Cleanup(func() {
		daemon.End(unix.SIGTERM)
		r.removeCgroup(parent)
	})
	var version string
	daemon.Await(t, 2*defaultPatience, func() (err error) {
		version, err = e.do("version", "--format", "{{.Server.Version}}")
		return err
	})
	e.errno = dockerErrno(t, version)
	e.importImage(t)
	return e
}

// dockerErrno: before 23.0, Docker drops the defaultErrnoRet of a profile without a word
// (moby/moby#42604).
func dockerErrno(t *testing.T, version string) string {
	t.Helper()
	major, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		t.Fatalf("version of dockerd: %q", version)
	}
	if n < 23 {
		t.Logf("Docker %s answers EPERM, whatever the profile says", version)
		return eperm
	}
	return enosys
}

func startPodman(t *testing.T, r *room) *engine {
	t.Helper()
	parent := containerName()
	e := &engine{
		room:  r,
		errno: enosys,
		cli: []string{"podman", "--root", filepath.Join(r.dir, "root"), "--runroot", filepath.Join(r.dir, "runroot"),
			"--tmpdir", filepath.Join(r.dir, "libpod"), "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--runtime", "runc"},
		// Limits that need neither CAP_SYS_RESOURCE nor the pids controller.
		runFlags: []string{"--cgroup-parent", "/" + parent, "--pids-limit", "0",
			"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"},
	}
	t.Cleanup(func() { r.removeCgroup(parent) })
	e.importImage(t)
	return e
}
