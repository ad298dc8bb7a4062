package engines_test

import (
	"fmt"
	"testing"

	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
)

func TestDocker(t *testing.T) {
	hosttest.Tools(t, "dockerd", "docker.io", "docker", "docker.io", "runc", "runc", "unshare", "util-linux")
	e := room.New(t, room.Options{}).Docker(t)
	id := start(t, e, "--health-interval", "200ms")
	if err := process.Poll(room.Patience, nil, func() error {
		health, err := e.Do("inspect", "--format", "{{.State.Health.Status}}", id)
		if err == nil && health != "healthy" {
			err = fmt.Errorf("its health is %q", health)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	testStarted(t, e, engine.Ref{ID: id, Engine: engine.Docker}, e.Must(t, "version", "--format", "{{.Server.Version}}"), "default")
}
