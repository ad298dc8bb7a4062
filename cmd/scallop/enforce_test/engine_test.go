package enforce_test

import (
	"archive/tar"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/audit/audittest"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
	"github.com/scallop-sec/scallop/profiler/hosttest/servers"
)

func TestDocker(t *testing.T) {
	hosttest.Tools(t, "nginx", "nginx-light", "dockerd", "docker.io", "docker", "docker.io", "unshare", "util-linux")
	testEngine(t, func(r *room.Room) *room.Engine { return r.Docker(t) })
}

func TestPodman(t *testing.T) {
	hosttest.Tools(t, "nginx", "nginx-light", "podman", "podman", "runc", "runc", "unshare", "util-linux")
	testEngine(t, (*room.Room).Podman)
}

// testEngine leads nginx through its life in a container of an engine that is given the
// profile as its users give it.
func testEngine(t *testing.T, start func(*room.Room) *room.Engine) {
	watch := audittest.Start(t)
	s := newNginx(t)
	recording := record(t, s)
	e := &engine{start(room.New(t, room.Options{LoginUID: audittest.NewLoginUID()}))}
	e.importImage(t)
	for _, format := range []string{"docker", "oci"} {
		for _, action := range []string{"errno", "kill_process"} {
			t.Run(format+"/"+action, func(t *testing.T) {
				c := e.run(t, s, exportProfile(t, recording, format, "--default-action", action))
				if err := (&life{server: s, running: c, filtered: true, requests: manyRequests}).lead(); err != nil {
					t.Errorf("%v\n%s", err, &c.Out)
				}
				if denied := watch.Of(t, e.Room.LoginUID, 0); len(denied) > 0 {
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
	err := (&life{server: s, running: c, filtered: true, requests: fewRequests, patience: shortPatience}).lead()
	c.remove()
	if servers.FailedAt(err) != servers.Start {
		t.Errorf("failed at %q, want %q: %v\n%s", servers.FailedAt(err), servers.Start, err, &c.Out)
	}
	if want := ": " + e.Denied + ")"; !strings.Contains(c.Out.String(), "epoll_wait() failed (") || !strings.Contains(c.Out.String(), want) {
		t.Errorf("nginx did not say of epoll_wait %q:\n%s", want, &c.Out)
	}

	logged := e.run(t, s, lessEpollWait(t, exportProfile(t, recording, "docker", "--default-action", "log", "--portability", "none")))
	if err := (&life{server: s, running: logged, filtered: true, requests: fewRequests}).lead(); err != nil {
		t.Errorf("epoll_wait logged: %v\n%s", err, &logged.Out)
	}
	if names := audittest.Names(watch.Of(t, e.Room.LoginUID, 0)); len(names) != 1 || names[0] != "epoll_wait" {
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

// engine is Docker or Podman.
type engine struct{ *room.Engine }

const engineImage = "scallop-enforce"

// importImage makes an image of empty folders, for the host's to be mounted on.
func (e *engine) importImage(t *testing.T) {
	t.Helper()
	path := e.Room.Path("image.tar")
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
	e.Must(t, "import", path, engineImage)
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
	c := &engineContainer{engine: e, name: room.Unique("enforce")}
	args := append(append([]string{"run"}, e.Run...), "--name", c.name, "--network", "host",
		"--log-driver", "none", "--security-opt", "seccomp="+profile, "--stop-signal", s.stop, "--volume", s.dir+":"+s.dir)
	for _, dir := range hostDirs() {
		args = append(args, "--volume", dir+":"+dir+":ro")
	}
	args = append(append(args, engineImage), s.args...)
	c.Process = process.Start(t, e.Command(args...), nil)
	t.Cleanup(c.remove)
	return c
}

// remove ends the container at any time, and again. Podman's rm alone would ask
// it to stop first, and wait.
func (c *engineContainer) remove() {
	_, _ = c.engine.Do("kill", c.name)
	_, _ = c.engine.Do("rm", "--force", c.name)
	c.End(unix.SIGKILL)
}

func (c *engineContainer) leader() (int, error) {
	text, err := c.engine.Do("inspect", "--format", "{{.State.Pid}}", c.name)
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
	_, err := c.engine.Do(args...)
	return err
}
