package container_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
)

// containerd is driven as a kubelet does it, through its CRI plugin: each container in a
// pod of its own.
type containerd struct {
	room    *room.Room
	runtime cri.RuntimeServiceClient

	mu   sync.Mutex
	pods map[string]pod // by container
}

type pod struct{ id, container, log string }

const podNamespace = "scallop-test"

const containerdConf = `
version = 2
root = "DIR/root"
state = "DIR/state"
[grpc]
address = "SOCKET"
[ttrpc]
address = "SOCKET.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
path = "DIR/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "PAUSE"
disable_apparmor = true
disable_cgroup = NOCGROUP
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "SNAPSHOTTER"
default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
`

func startContainerd(t *testing.T) *host {
	t.Helper()
	r := newRoom(t)
	socket := r.Path("containerd.sock")
	text := strings.NewReplacer("DIR", r.Dir, "SOCKET", socket, "PAUSE", reference("pause"),
		"SNAPSHOTTER", r.Storage("overlayfs", "native"), "NOCGROUP", strconv.FormatBool(!hasCPU(t, r))).Replace(containerdConf)
	daemon := r.Daemon(t, "containerd", "--config", r.Write(t, "config.toml", text))
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &containerd{room: r, runtime: cri.NewRuntimeServiceClient(conn), pods: map[string]pod{}}
	daemon.Await(t, room.Patience, func() error {
		ctx, cancel := patience()
		defer cancel()
		_, err := c.runtime.Version(ctx, &cri.VersionRequest{})
		return err
	})
	r.Must(t, "ctr", "--address", socket, "--namespace", "k8s.io", "images", "import",
		"--snapshotter", r.Storage("overlayfs", "native"), images(t))
	awaitImages(t, daemon, cri.NewImageServiceClient(conn))
	return &host{c, r, "containerd", "unix://" + socket, "oci", false, true, room.NotImplemented}
}

// hasCPU: the plugin gives every pod CPU shares, which needs the controller. Without it, it must
// leave cgroups to runc, which puts them beside the engine's own.
func hasCPU(t *testing.T, r *room.Room) bool {
	t.Helper()
	return slices.Contains(strings.Fields(r.Must(t, "cat", "/sys/fs/cgroup/cgroup.controllers")), "cpu")
}

// awaitImages: the plugin hears of what ctr imported a little later.
func awaitImages(t *testing.T, daemon *process.Process, client cri.ImageServiceClient) {
	t.Helper()
	daemon.Await(t, room.Patience, func() error {
		ctx, cancel := patience()
		defer cancel()
		for _, name := range []string{"nginx", "redis", "postgres", "tools", "pause"} {
			status, err := client.ImageStatus(ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: reference(name)}})
			if err == nil && status.Image == nil {
				err = errors.New("is not there")
			}
			if err != nil {
				return fmt.Errorf("image %s: %w", name, err)
			}
		}
		return nil
	})
}

func patience() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 2*defaultPatience)
}

func (c *containerd) start(s container) error {
	ctx, cancel := patience()
	defer cancel()
	sandbox := c.sandbox(s)
	made, err := c.runtime.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: sandbox})
	if err != nil {
		return err
	}
	p := pod{id: made.PodSandboxId, log: filepath.Join(sandbox.LogDirectory, "log")}
	c.setPod(s.name, p)
	created, err := c.runtime.CreateContainer(ctx, &cri.CreateContainerRequest{
		PodSandboxId: p.id, SandboxConfig: sandbox, Config: containerConfig(s),
	})
	if err != nil {
		return err
	}
	p.container = created.ContainerId
	c.setPod(s.name, p)
	_, err = c.runtime.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: p.container})
	return err
}

func (c *containerd) setPod(name string, p pod) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pods[name] = p
}

func podName(s container) string { return "pod-" + s.name }
func podUID(s container) string  { return "uid-" + s.name }

// sandbox shares the room's network: pods need no plugin for it then.
func (c *containerd) sandbox(s container) *cri.PodSandboxConfig {
	return &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: podName(s), Uid: podUID(s), Namespace: podNamespace},
		LogDirectory: filepath.Join(c.room.Dir, "logs", s.name),
		Linux: &cri.LinuxPodSandboxConfig{
			CgroupParent: "/" + c.room.Cgroup + "/kubepods/pod-" + s.name,
			SecurityContext: &cri.LinuxSandboxSecurityContext{
				NamespaceOptions: &cri.NamespaceOption{Network: cri.NamespaceMode_NODE, Pid: cri.NamespaceMode_CONTAINER},
			},
		},
	}
}

func containerConfig(s container) *cri.ContainerConfig {
	seccomp := &cri.SecurityProfile{ProfileType: cri.SecurityProfile_Unconfined}
	if s.profile != "" {
		seccomp = &cri.SecurityProfile{ProfileType: cri.SecurityProfile_Localhost, LocalhostRef: s.profile}
	}
	config := &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: s.name},
		Image:    &cri.ImageSpec{Image: reference(s.image)},
		Args:     s.args,
		LogPath:  "log",
		Linux: &cri.LinuxContainerConfig{SecurityContext: &cri.LinuxContainerSecurityContext{
			NoNewPrivs: s.noNewPrivs, Seccomp: seccomp,
			NamespaceOptions: &cri.NamespaceOption{Network: cri.NamespaceMode_NODE, Pid: cri.NamespaceMode_CONTAINER},
		}},
	}
	if s.mounts {
		config.Linux.SecurityContext.Capabilities = &cri.Capability{AddCapabilities: []string{"SYS_ADMIN"}}
	}
	if key, value, ok := strings.Cut(s.label, "="); ok {
		config.Labels = map[string]string{key: value}
	}
	return config
}

func (c *containerd) pod(name string) pod {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pods[name]
}

func (c *containerd) stop(name string) (int, error) {
	ctx, cancel := patience()
	defer cancel()
	id := c.pod(name).container
	if _, err := c.runtime.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: id, Timeout: 10}); err != nil {
		return 0, err
	}
	status, err := c.runtime.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id})
	if err != nil {
		return 0, err
	}
	if status.Status.State != cri.ContainerState_CONTAINER_EXITED {
		return 0, fmt.Errorf("stopped, but %s", status.Status.State)
	}
	return int(status.Status.ExitCode), nil
}

func (c *containerd) exec(name string, args ...string) error {
	ctx, cancel := patience()
	defer cancel()
	answer, err := c.runtime.ExecSync(ctx, &cri.ExecSyncRequest{ContainerId: c.pod(name).container, Cmd: args, Timeout: int64(defaultPatience / time.Second)})
	if err == nil && answer.ExitCode != 0 {
		err = fmt.Errorf("%v: exit code %d: %s", args, answer.ExitCode, answer.Stderr)
	}
	return err
}

// healthy: the probes of a kubelet are its own.
func (c *containerd) healthy(string) error { return nil }

func (c *containerd) leader(name string) (int, error) {
	ctx, cancel := patience()
	defer cancel()
	status, err := c.runtime.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: c.pod(name).container, Verbose: true})
	if err != nil {
		return 0, err
	}
	var pid int
	_, after, _ := strings.Cut(status.Info["info"], `"pid":`)
	if _, err := fmt.Sscan(strings.TrimRight(strings.Fields(strings.ReplaceAll(after, ",", " "))[0], "}"), &pid); err != nil {
		return 0, fmt.Errorf("pid of %s: %w", name, err)
	}
	return pid, nil
}

func (c *containerd) id(name string) (string, error) { return c.pod(name).container, nil }

func (c *containerd) logs(name string) string {
	text, err := os.ReadFile(c.pod(name).log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (c *containerd) remove(name string) {
	ctx, cancel := patience()
	defer cancel()
	id := c.pod(name).id
	if id == "" {
		return
	}
	_, _ = c.runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: id})
	_, _ = c.runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: id})
}
