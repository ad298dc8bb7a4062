package engines_test

import (
	"testing"

	"github.com/scallop-sec/scallop/profiler/engine"
)

func TestDocker(t *testing.T) {
	need(t, "dockerd", "docker.io", "docker", "docker.io", "runc", "runc", "unshare", "util-linux")
	r := newRoom(t)
	endpoint := r.path("d.sock")
	daemon := r.daemon(t, "dockerd", "--data-root", r.path("data"), "--exec-root", r.path("exec"), "--pidfile", r.path("pid"),
		"--host", "unix://"+endpoint, "--cgroup-parent", r.parent+"/docker", "--storage-driver", "vfs", "--iptables=false", "--bridge=none")
	docker := func(args ...string) []string {
		return append([]string{"docker", "--host", "unix://" + endpoint}, args...)
	}
	r.await(t, daemon, func() error { _, err := r.do(docker("version")...); return err })
	r.must(t, docker("load", "--input", r.makeImage(t))...)
	id := r.must(t, docker("run", "--detach", "--name", "web-1", "--network", "none", "--label", label+"=test", "--label", "b=c",
		"--security-opt", "no-new-privileges", "--health-cmd", "/bin/busybox true", "--health-interval", "200ms", imageName)...)
	t.Cleanup(func() { _, _ = r.do(docker("rm", "--force", id)...) })
	r.await(t, daemon, func() error {
		_, err := r.do("sh", "-c", "docker --host unix://"+endpoint+" inspect "+id+" | grep -q '\"healthy\"'")
		return err
	})
	testReal(t, &real{
		room:     r,
		endpoint: endpoint,
		glob:     "web-?",
		ref:      engine.Ref{ID: id, Engine: engine.Docker},
		want: engine.Container{
			ID:             id,
			Name:           "web-1",
			Engine:         engine.Docker,
			EngineVersion:  r.must(t, docker("version", "--format", "{{.Server.Version}}")...),
			Runtime:        "runc",
			RuntimeVersion: runcVersion(t, r),
			Image:          imageName,
			Labels:         map[string]string{label: "test", "b": "c"},
			Running:        true,
			StopSignal:     "SIGQUIT",
			HasHealth:      true,
			Health:         "healthy",
			NoNewPrivs:     new(true),
			Seccomp:        "default",
		},
		remove: func(t *testing.T) { r.must(t, docker("rm", "--force", id)...) },
	})
}
