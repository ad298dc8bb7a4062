package engines_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/engine/cri"
	"github.com/scallop-sec/scallop/profiler/engine/engines"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
)

const containerdConfig = `version = 2
disabled_plugins = [%[6]s]
root = %[1]q
state = %[2]q
[grpc]
  address = %[3]q
[plugins."io.containerd.internal.v1.opt"]
  path = %[4]q
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %[5]q
  # The host may lack CAP_SYS_RESOURCE.
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  conf_dir = %[8]q
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  BinaryName = %[7]q
`

// runcScript takes the CPU shares out, which every pod gets: the cgroup2 of the host may have no
// controllers.
const runcScript = `#!/bin/sh
previous=
for arg; do
	if [ "$previous" = --bundle ]; then
		sed -i 's/"cpu":{[^}]*}/"cpu":{}/' "$arg/config.json" || exit
	fi
	previous=$arg
done
exec runc "$@"
`

// startContainerd returns the path of its socket. A plugin can be disabled.
func startContainerd(t *testing.T, r *room.Room, disabled string) string {
	t.Helper()
	endpoint, runc := r.Path("c.sock"), r.Write(t, "runc", runcScript)
	if err := os.Chmod(runc, 0o755); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(containerdConfig, r.Path("root"), r.Path("state"), endpoint, r.Path("opt"), imageName, disabled, runc, r.Path("cni"))
	daemon := r.Daemon(t, "containerd", "--config", r.Write(t, "config.toml", config))
	daemon.Await(t, room.Patience, func() error { _, err := r.Do("ctr", "--address", endpoint, "version"); return err })
	return endpoint
}

func TestContainerd(t *testing.T) {
	hosttest.Tools(t, "containerd", "containerd", "ctr", "containerd", "runc", "runc", "unshare", "util-linux")
	r := room.New(t, room.Options{})
	endpoint := startContainerd(t, r, "")
	r.Must(t, "ctr", "--address", endpoint, "--namespace", "k8s.io", "images", "import", "--snapshotter", "native", makeImage(t, r))
	k := newKubelet(t, r, endpoint)
	want := engine.Container{
		ID:            k.container,
		Name:          "shop_default_web",
		Engine:        engine.Containerd,
		EngineVersion: k.version(t),
		Runtime:       "runc",
		Image:         imageName,
		Labels:        map[string]string{label: "test", "b": "c"},
		PodNamespace:  "default",
		PodName:       "shop",
		PodUID:        podUID,
		ContainerName: "web",
		Running:       true,
		StopSignal:    "SIGQUIT",
		NoNewPrivs:    new(true),
		Seccomp:       "default",
	}
	set := testReal(t, &real{
		endpoint: endpoint,
		glob:     "shop_*",
		ref:      engine.Ref{ID: k.container, PodUID: podUID},
		want:     want,
		remove: func(t *testing.T) {
			testSandbox(t, k)
			k.removeContainer(t)
		},
	})
	k.removePod(t)
	if c, err := set.Container(t.Context(), engine.Ref{ID: k.pod}); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("the sandbox after its end: %+v, %v", c, err)
	}
}

// testSandbox: pods are found by name, and their sandbox by its ID only.
func testSandbox(t *testing.T, k *kubelet) {
	ctx := patient(t)
	set, errs := engines.Open(ctx, []string{k.endpoint})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	defer set.Close()
	for container, want := range map[string]bool{"": true, "web": true, "other": false} {
		found, err := set.FindPod(ctx, "default", "shop", container)
		if ok := len(found) == 1 && found[0].ID == k.container && err == nil; ok != want || !want && !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("container %q of the pod: %+v, %v", container, found, err)
		}
	}
	found, err := set.Find(ctx, k.pod[:16])
	if err != nil || len(found) != 1 {
		t.Fatalf("sandbox %s: %+v, %v", k.pod, found, err)
	}
	c := found[0]
	if path := cgroup2(t, c.PID); path != c.CgroupPath {
		t.Errorf("the engine says cgroup %s, the kernel %s", c.CgroupPath, path)
	}
	c.PID, c.CgroupPath, c.NoNewPrivs, c.Seccomp = 0, "", nil, ""
	want := engine.Container{
		ID: k.pod, Name: "shop_default", Engine: engine.Containerd, EngineVersion: c.EngineVersion, Runtime: "runc",
		PodNamespace: "default", PodName: "shop", PodUID: podUID, Sandbox: true, Running: true,
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Beside Docker, containerd's CRI is often switched off: no error, unless it was asked for.
func TestContainerdWithoutCRI(t *testing.T) {
	hosttest.Tools(t, "containerd", "containerd", "ctr", "containerd", "unshare", "util-linux")
	endpoint := startContainerd(t, room.New(t, room.Options{}), `"io.containerd.grpc.v1.cri"`)
	_, errs := engines.Open(patient(t), []string{endpoint})
	if len(errs) != 1 || !errors.Is(errs[0], cri.ErrNoCRI) {
		t.Errorf("%v", errs)
	}
}

const podUID = "c9a8f2d1-0b7e-4c55-9f3a-1d2e3f405162"

// kubelet does what Kubernetes' does: it runs a pod with one container.
type kubelet struct {
	api            runtime.RuntimeServiceClient
	endpoint       string
	pod, container string
}

func newKubelet(t *testing.T, r *room.Room, endpoint string) *kubelet {
	t.Helper()
	conn, err := grpc.NewClient("unix://"+endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	k := &kubelet{api: runtime.NewRuntimeServiceClient(conn), endpoint: endpoint}
	ctx := patient(t)
	pod := &runtime.PodSandboxConfig{
		Metadata:     &runtime.PodSandboxMetadata{Name: "shop", Namespace: "default", Uid: podUID},
		LogDirectory: r.Path("logs"),
		Linux: &runtime.LinuxPodSandboxConfig{
			CgroupParent: "/" + r.Cgroup + "/kubepods/burstable/pod" + podUID,
			SecurityContext: &runtime.LinuxSandboxSecurityContext{
				NamespaceOptions: &runtime.NamespaceOption{Network: runtime.NamespaceMode_NODE},
			},
		},
	}
	sandbox, err := k.api.RunPodSandbox(ctx, &runtime.RunPodSandboxRequest{Config: pod})
	if err != nil {
		t.Fatal(err)
	}
	k.pod = sandbox.PodSandboxId
	t.Cleanup(func() { k.end() })
	created, err := k.api.CreateContainer(ctx, &runtime.CreateContainerRequest{PodSandboxId: k.pod, SandboxConfig: pod, Config: &runtime.ContainerConfig{
		Metadata: &runtime.ContainerMetadata{Name: "web"},
		Image:    &runtime.ImageSpec{Image: imageName},
		Labels:   map[string]string{label: "test", "b": "c"},
		LogPath:  "web.log",
		Linux: &runtime.LinuxContainerConfig{SecurityContext: &runtime.LinuxContainerSecurityContext{
			NoNewPrivs:       true,
			NamespaceOptions: &runtime.NamespaceOption{Network: runtime.NamespaceMode_NODE, Pid: runtime.NamespaceMode_CONTAINER},
			Seccomp:          &runtime.SecurityProfile{ProfileType: runtime.SecurityProfile_RuntimeDefault},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	k.container = created.ContainerId
	if _, err := k.api.StartContainer(ctx, &runtime.StartContainerRequest{ContainerId: k.container}); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *kubelet) version(t *testing.T) string {
	t.Helper()
	version, err := k.api.Version(t.Context(), &runtime.VersionRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return version.RuntimeVersion
}

func (k *kubelet) removeContainer(t *testing.T) {
	t.Helper()
	_, err := k.api.StopContainer(t.Context(), &runtime.StopContainerRequest{ContainerId: k.container})
	_, err2 := k.api.RemoveContainer(t.Context(), &runtime.RemoveContainerRequest{ContainerId: k.container})
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
}

func (k *kubelet) removePod(t *testing.T) {
	t.Helper()
	if err := k.end(); err != nil {
		t.Fatal(err)
	}
}

// end may be called again, and after the end of the test.
func (k *kubelet) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, err := k.api.StopPodSandbox(ctx, &runtime.StopPodSandboxRequest{PodSandboxId: k.pod})
	_, err2 := k.api.RemovePodSandbox(ctx, &runtime.RemovePodSandboxRequest{PodSandboxId: k.pod})
	return errors.Join(err, err2)
}
