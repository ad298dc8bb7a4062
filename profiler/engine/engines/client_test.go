package engines_test

import (
	"slices"
	"testing"

	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
)

// start has the engine start a container whose health check its image does not have.
func start(t *testing.T, e *room.Engine, flags ...string) (id string) {
	t.Helper()
	e.Must(t, "load", "--input", makeImage(t, e.Room))
	id = e.Must(t, slices.Concat([]string{"run", "--detach", "--name", "web-1", "--network", "none", "--label", label + "=test", "--label", "b=c",
		"--security-opt", "no-new-privileges", "--health-cmd", "/bin/busybox true"}, e.Run, flags, []string{imageName})...)
	t.Cleanup(func() { remove(e, id) })
	return id
}

// remove kills first: Podman's rm alone would ask the container to stop, and wait.
func remove(e *room.Engine, id string) {
	_, _ = e.Do("kill", id)
	_, _ = e.Do("rm", "--force", id) // it may be gone
}

// testStarted judges what the engine's API tells of it.
func testStarted(t *testing.T, e *room.Engine, ref engine.Ref, version, seccomp string) {
	t.Helper()
	testReal(t, &real{
		endpoint: e.Socket,
		glob:     "web-?",
		ref:      ref,
		want: engine.Container{
			ID:             ref.ID,
			Name:           "web-1",
			Engine:         ref.Engine,
			EngineVersion:  version,
			Runtime:        "runc",
			RuntimeVersion: runcVersion(t, e.Room),
			Image:          imageName,
			Labels:         map[string]string{label: "test", "b": "c"},
			Running:        true,
			StopSignal:     "SIGQUIT",
			HasHealth:      true,
			Health:         "healthy",
			NoNewPrivs:     new(true),
			Seccomp:        seccomp,
		},
		remove: func(t *testing.T) { remove(e, ref.ID) },
	})
}
