package engines_test

import (
	"testing"

	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
)

func TestPodman(t *testing.T) {
	hosttest.Tools(t, "podman", "podman", "runc", "runc", "unshare", "util-linux")
	e := room.New(t, room.Options{}).Podman()
	id := start(t, e, "--security-opt", "seccomp=unconfined", "--health-interval", "disable", "--log-driver", "none")
	e.Must(t, "healthcheck", "run", id)
	e.ServePodman(t)
	testStarted(t, e, engine.Ref{ID: id, Engine: engine.Podman}, e.Must(t, "version", "--format", "{{.Client.Version}}"), "unconfined")
}
