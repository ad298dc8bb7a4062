package engines_test

import (
	"os"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/engine"
)

func TestPodman(t *testing.T) {
	need(t, "podman", "podman", "runc", "runc", "unshare", "util-linux")
	r := newRoom(t)
	endpoint := r.path("p.sock")
	podman := func(args ...string) []string {
		return append([]string{"podman", "--root", r.path("root"), "--runroot", r.path("runroot"), "--tmpdir", r.path("libpod"),
			"--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--runtime", "runc"}, args...)
	}
	r.must(t, podman("load", "--input", r.makeImage(t))...)
	id := r.must(t, podman("run", "--detach", "--name", "web-1", "--network", "none", "--label", label+"=test", "--label", "b=c",
		"--security-opt", "no-new-privileges", "--security-opt", "seccomp=unconfined", "--cgroup-parent", r.parent, "--pids-limit", "0",
		"--health-cmd", "/bin/busybox true", "--health-interval", "disable", "--log-driver", "none",
		"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000", imageName)...)
	t.Cleanup(func() { _, _ = r.do(podman("rm", "--force", "--ignore", "--time", "0", id)...) })
	r.must(t, podman("healthcheck", "run", id)...)
	service := r.daemon(t, podman("system", "service", "--time=0", "unix://"+endpoint)...)
	r.await(t, service, func() error { _, err := os.Stat(endpoint); return err })
	testReal(t, &real{
		room:     r,
		endpoint: endpoint,
		glob:     "web-?",
		ref:      engine.Ref{ID: id, Engine: engine.Podman},
		want: engine.Container{
			ID:             id,
			Name:           "web-1",
			Engine:         engine.Podman,
			EngineVersion:  r.must(t, podman("version", "--format", "{{.Client.Version}}")...),
			Runtime:        "runc",
			RuntimeVersion: runcVersion(t, r),
			Image:          imageName,
			Labels:         map[string]string{label: "test", "b": "c"},
			Running:        true,
			StopSignal:     "SIGQUIT",
			HasHealth:      true,
			Health:         "healthy",
			NoNewPrivs:     new(true),
			Seccomp:        "unconfined",
		},
		remove: func(t *testing.T) { r.must(t, podman("rm", "--force", "--time", "0", id)...) },
	})
}

// runcVersion: "runc version 1.1.5+ds1\n…".
func runcVersion(t *testing.T, r *room) string {
	t.Helper()
	line, _, _ := strings.Cut(r.must(t, "runc", "--version"), "\n")
	return strings.TrimPrefix(line, "runc version ")
}
