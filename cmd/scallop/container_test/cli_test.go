package container_test

import (
	"cmp"
	"fmt"
	"strconv"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest/room"
)

// cli is Docker or Podman.
type cli struct {
	*room.Engine
	probe  []string // command that looks at the health
	health string   // its good answer
}

func (c *cli) start(s container) error {
	args := append([]string{"run", "--detach", "--network", "host", "--name", s.name}, c.Run...)
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
	_, err := c.Do(append(append(args, reference(s.image)), s.args...)...)
	return err
}

func (c *cli) stop(name string) (int, error) {
	if _, err := c.Do("stop", name); err != nil {
		return 0, err
	}
	return c.number(name, "{{.State.ExitCode}}")
}

func (c *cli) number(name, field string) (int, error) {
	text, err := c.Do("inspect", "--format", field, name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

func (c *cli) exec(name string, args ...string) error {
	_, err := c.Do(append([]string{"exec", name}, args...)...)
	return err
}

func (c *cli) healthy(name string) error {
	text, err := c.Do(append(c.probe[:len(c.probe):len(c.probe)], name)...)
	if err == nil && text != c.health {
		err = fmt.Errorf("health of %s: %q", name, text)
	}
	return err
}

func (c *cli) leader(name string) (int, error) { return c.number(name, "{{.State.Pid}}") }

func (c *cli) id(name string) (string, error) {
	return c.Do("inspect", "--format", "{{.Id}}", name)
}

func (c *cli) logs(name string) string {
	text, err := c.Do("logs", name)
	return fmt.Sprint(text, err)
}

// remove kills first: Podman's rm alone would ask the container to stop, and wait.
func (c *cli) remove(name string) {
	_, _ = c.Do("kill", name)
	_, _ = c.Do("rm", "--force", name)
}

func startDocker(t *testing.T) *host {
	t.Helper()
	r := newRoom(t)
	e := r.Docker(t)
	e.Must(t, "load", "--quiet", "--input", images(t))
	c := &cli{e, []string{"inspect", "--format", "{{.State.Health.Status}}"}, "healthy"}
	return &host{c, r, "docker", "unix://" + e.Socket, "docker", true, false, e.Denied}
}

func startPodman(t *testing.T) *host {
	t.Helper()
	r := newRoom(t)
	e := r.Podman()
	e.Must(t, "load", "--quiet", "--input", images(t))
	e.ServePodman(t)
	c := &cli{e, []string{"healthcheck", "run"}, ""} // nobody but this runs the image's probe
	return &host{c, r, "podman", "unix://" + e.Socket, "docker", true, false, e.Denied}
}
