package container_test

import (
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/audit/audittest"
	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
)

// engine runs containers.
type engine interface {
	// start creates and starts a container.
	start(container) error
	// stop has the engine send the image's stop signal, and waits for the end.
	stop(name string) (exitCode int, err error)
	exec(name string, args ...string) error
	// healthy tells what the engine's own probe of the image found.
	healthy(name string) error
	leader(name string) (pid int, err error)
	id(name string) (string, error)
	logs(name string) string
	// remove takes a container away at any time, and again.
	remove(name string)
}

// container is how one is started, besides what its image says.
type container struct {
	name, image string
	args        []string // instead of the image's command
	noNewPrivs  bool
	mounts      bool   // it may
	profile     string // path; unconfined if empty
	label       string
}

// host is an engine in its room.
type host struct {
	engine
	room     *room.Room
	kind     string // as scallop names the engine
	endpoint string // socket for scallop
	format   string // of profiles
	probes   bool   // it knows the health checks of images
	pods     bool   // containers are in pods
	errno    string // of a denied call, as C libraries word it
}

// newRoom has a network of its own, since every server has its usual port.
func newRoom(t *testing.T) *room.Room {
	t.Helper()
	return room.New(t, room.Options{Network: true, LoginUID: audittest.NewLoginUID()})
}

// fullName is what a file of the container is called by: names are only unique within a pod.
func (h *host) fullName(c container) string {
	if h.pods {
		return podName(c) + "-" + c.name
	}
	return c.name
}

// running is how scallop is told of a container that runs already: each engine's in another way.
func (h *host) running(c container) []string {
	switch {
	case h.pods:
		return []string{"--pod", podNamespace + "/" + podName(c)}
	case h.kind == "podman":
		return []string{"--container", c.name[:len(c.name)-1] + "?"}
	default:
		return []string{"--label", c.label}
	}
}

// coming is the same of one that is still to come.
func (h *host) coming(c container) []string {
	if h.pods {
		return []string{"--pod", podNamespace + "/" + podName(c) + "/" + c.name}
	}
	return []string{"--container", c.name}
}

const defaultPatience = 15 * time.Second // for slow hosts

// poll is process.Poll with the patience of these tests.
func poll(try func() error, ended <-chan struct{}) error {
	return process.Poll(defaultPatience, ended, try)
}

// firstError is the first error: err, or that of the steps, which are taken until one fails.
func firstError(err error, steps ...func() error) error {
	for _, step := range steps {
		if err != nil {
			return err
		}
		err = step()
	}
	return err
}
