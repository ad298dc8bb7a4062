package room

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/hosttest/process"
)

// Engine is Docker or Podman in a room.
type Engine struct {
	Room   *Room
	Client []string // its command, with global flags
	Run    []string // flags that `run` needs in a room
	Socket string   // path of its API's
	Denied string   // what C libraries say of a call that a profile answers with ENOSYS
}

// Command is one of the engine's client.
func (e *Engine) Command(args ...string) *exec.Cmd {
	return e.Room.Command(append(e.Client[:len(e.Client):len(e.Client)], args...)...)
}

// Do is the output of a command of the engine's client.
func (e *Engine) Do(args ...string) (string, error) { return process.Output(e.Command(args...)) }

// Must is Do of what may not fail.
func (e *Engine) Must(t testing.TB, args ...string) string {
	t.Helper()
	out, err := e.Do(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// NotImplemented is how C libraries word ENOSYS.
const NotImplemented = "Function not implemented"

// Docker starts a dockerd, and returns when it answers.
func (r *Room) Docker(t testing.TB) *Engine {
	t.Helper()
	e := &Engine{Room: r, Socket: r.Path("docker.sock"), Denied: NotImplemented}
	e.Client = []string{"docker", "--host", "unix://" + e.Socket}
	daemon := r.Daemon(t, "dockerd", "--data-root", r.Path("data"), "--exec-root", r.Path("exec"), "--pidfile", r.Path("docker.pid"),
		"--host", "unix://"+e.Socket, "--cgroup-parent", "/"+r.Cgroup+"/docker",
		"--storage-driver", r.Storage("overlay2", "vfs"), "--iptables=false", "--bridge=none")
	var version string
	daemon.Await(t, Patience, func() (err error) {
		version, err = e.Do("version", "--format", "{{.Server.Version}}")
		return err
	})
	major, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		t.Fatalf("version of dockerd: %q", version)
	}
	if n < 23 { // it drops the defaultErrnoRet of a profile without a word (moby/moby#42604)
		e.Denied = "Operation not permitted"
	}
	return e
}

// Podman needs no daemon.
func (r *Room) Podman() *Engine {
	return &Engine{
		Room: r, Socket: r.Path("podman.sock"), Denied: NotImplemented,
		// Without systemd, nobody runs the health checks of images.
		Client: []string{"env", "DISABLE_HC_SYSTEMD=true", "podman", "--root", r.Path("root"), "--runroot", r.Path("runroot"),
			"--tmpdir", r.Path("libpod"), "--storage-driver", r.Storage("overlay", "vfs"), "--cgroup-manager", "cgroupfs", "--runtime", "runc"},
		// Limits that need neither CAP_SYS_RESOURCE nor the pids controller.
		Run: []string{"--cgroup-parent", "/" + r.Cgroup + "/podman", "--pids-limit", "0",
			"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"},
	}
}

// ServePodman starts the service behind Podman's socket.
func (e *Engine) ServePodman(t testing.TB) {
	t.Helper()
	service := e.Room.daemon(t, e.Command("system", "service", "--time", "0", "unix://"+e.Socket))
	service.Await(t, Patience, func() error { _, err := os.Stat(e.Socket); return err })
}

// Daemon runs in the room until the test ends.
func (r *Room) Daemon(t testing.TB, args ...string) *process.Process {
	t.Helper()
	return r.daemon(t, r.Command(args...))
}

func (r *Room) daemon(t testing.TB, cmd *exec.Cmd) *process.Process {
	t.Helper()
	p := process.Start(t, cmd, nil)
	t.Cleanup(func() { p.End(unix.SIGTERM) })
	return p
}
