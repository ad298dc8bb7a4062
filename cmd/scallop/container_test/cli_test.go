package container_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/hosttest/process"
)

// cli is an engine with a client like Docker's.
type cli struct {
	room   *room
	client []string // with its global flags
	run    []string // flags
	probe  []string // command that looks at the health
	health string   // its good answer
}

func (c *cli) do(args ...string) (string, error) {
	return process.Output(c.room.command(append(c.client[:len(c.client):len(c.client)], args...)...))
}

func (c *cli) start(s container) error {
	args := append([]string{"run", "--detach", "--network", "host", "--name", s.name}, c.run...)
	args = append(args, "--security-opt", "seccomp="+cmp.Or(s.profile, "unconfined"))
	if s.noNewPrivs {
		args = append(args, "--security-opt", "no-new-privileges")
	}
	if s.mounts {
		args = append(args, "--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined")
	}
	if s.label != "" {
		args = append(args, "--label", s.label)
	}
	_, err := c.do(append(append(args, reference(s.image)), s.args...)...)
	return err
}

func (c *cli) stop(name string) (int, error) {
	if _, err := c.do("stop", name); err != nil {
		return 0, err
	}
	return c.number(name, "{{.State.ExitCode}}")
}

func (c *cli) number(name, field string) (int, error) {
	text, err := c.do("inspect", "--format", field, name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

func (c *cli) exec(name string, args ...string) error {
	_, err := c.do(append([]string{"exec", name}, args...)...)
	return err
}

func (c *cli) healthy(name string) error {
	text, err := c.do(append(c.probe[:len(c.probe):len(c.probe)], name)...)
	if err == nil && text != c.health {
		err = fmt.Errorf("health of %s: %q", name, text)
	}
	return err
}

func (c *cli) leader(name string) (int, error) { return c.number(name, "{{.State.Pid}}") }

func (c *cli) id(name string) (string, error) {
	return c.do("inspect", "--format", "{{.Id}}", name)
}

func (c *cli) logs(name string) string {
	text, err := c.do("logs", name)
	return fmt.Sprint(text, err)
}

// remove kills first: Podman's rm alone would ask the container to stop, and wait.
func (c *cli) remove(name string) {
	_, _ = c.do("kill", name)
	_, _ = c.do("rm", "--force", name)
}

func startDocker(t *testing.T) *host {
	t.Helper()
	r := newRoom(t)
	socket := "unix://" + filepath.Join(r.dir, "docker.sock")
	daemon := process.Start(t, r.command("dockerd", "--data-root", filepath.Join(r.dir, "data"), "--exec-root", filepath.Join(r.dir, "exec"),
		"--pidfile", filepath.Join(r.dir, "docker.pid"), "--host", socket, "--cgroup-parent", "/"+r.cgroup+"/docker",
		"--storage-driver", r.storage("overlay2", "vfs"), "--iptables=false", "--bridge=none"), nil)
	t.Cleanup(func() { daemon.End(unix.SIGTERM) })
	c := &cli{
		room: r, client: []string{"docker", "--host", socket},
		probe: []string{"inspect", "--format", "{{.State.Health.Status}}"}, health: "healthy",
	}
	var version string
	daemon.Await(t, defaultPatience, func() (err error) {
		version, err = c.do("version", "--format", "{{.Server.Version}}")
		return err
	})
	if _, err := c.do("load", "--quiet", "--input", images(t)); err != nil {
		t.Fatal(err)
	}
	return &host{c, r, "docker", socket, "docker", true, false, dockerErrno(t, version)}
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
		return eperm
	}
	return enosys
}

func startPodman(t *testing.T) *host {
	t.Helper()
	r := newRoom(t)
	c := &cli{
		room: r,
		client: []string{"env", "DISABLE_HC_SYSTEMD=true", "podman", "--root", filepath.Join(r.dir, "root"),
			"--runroot", filepath.Join(r.dir, "runroot"), "--tmpdir", filepath.Join(r.dir, "libpod"),
			"--storage-driver", r.storage("overlay", "vfs"), "--cgroup-manager", "cgroupfs", "--runtime", "runc"},
		// Limits that need neither CAP_SYS_RESOURCE nor the pids controller.
		run: []string{"--cgroup-parent", "/" + r.cgroup + "/podman", "--pids-limit", "0",
			"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"},
		// Without systemd, nobody but this runs the image's probe.
		probe: []string{"healthcheck", "run"},
	}
	if _, err := c.do("load", "--quiet", "--input", images(t)); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(r.dir, "podman.sock")
	args := append(c.client[:len(c.client):len(c.client)], "system", "service", "--time", "0", "unix://"+socket)
	service := process.Start(t, r.command(args...), nil)
	t.Cleanup(func() { service.End(unix.SIGTERM) })
	service.Await(t, defaultPatience, func() error {
		_, err := os.Stat(socket)
		return err
	})
	return &host{c, r, "podman", "unix://" + socket, "docker", true, false, enosys}
}
