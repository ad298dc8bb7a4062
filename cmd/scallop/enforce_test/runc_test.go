package enforce_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/audit/audittest"
	"github.com/scallop-sec/scallop/profiler/hosttest/bundle"
	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
)

// runcContainer is a server in a container of runc's.
type runcContainer struct {
	*process.Process
	id       string
	loginuid int
}

// startRunc starts the server from a bundle with the profile. runc has libseccomp
// translate it: nothing of scallop is involved.
func startRunc(t *testing.T, s *server, seccomp *specs.LinuxSeccomp, noNewPrivs bool) *runcContainer {
	t.Helper()
	s.reset(t)
	c := &runcContainer{id: room.Unique("enforce"), loginuid: audittest.NewLoginUID()}
	dir := writeBundle(t, s, c.id, seccomp, noNewPrivs)
	args := audittest.WithLoginUID(c.loginuid, "runc", "--root", filepath.Join(dir, "state"), "run", "--bundle", dir, c.id)
	c.Process = process.Start(t, exec.Command(args[0], args[1:]...), nil)
	t.Cleanup(c.remove)
	return c
}

// remove ends the container and takes its cgroups away, at any time and again. `runc run` is
// given the time to reap the container's first process: a zombie holds its cgroup.
func (c *runcContainer) remove() {
	_, _ = c.runc("delete", "--force", c.id) // it may be gone
	select {
	case <-c.Exited():
	case <-time.After(shortPatience):
		c.End(unix.SIGKILL)
	}
	_, _ = c.runc("delete", "--force", c.id)
}

func (c *runcContainer) runc(args ...string) (string, error) {
	state := c.Cmd.Args[slices.Index(c.Cmd.Args, "--root")+1]
	return process.Output(exec.Command("runc", append([]string{"--root", state}, args...)...))
}

func (c *runcContainer) leader() (int, error) {
	text, err := c.runc("state", c.id)
	if err != nil {
		return 0, err
	}
	var state specs.State
	err = json.Unmarshal([]byte(text), &state)
	return state.Pid, err
}

func (c *runcContainer) signal(name string) error {
	_, err := c.runc("kill", c.id, name)
	return err
}

// writeBundle makes an OCI bundle whose root file system looks as the host's does
// to the server.
func writeBundle(t *testing.T, s *server, id string, seccomp *specs.LinuxSeccomp, noNewPrivs bool) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"rootfs", "state"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	spec := &specs.Spec{
		Version: "1.0.2",
		Root:    &specs.Root{Path: "rootfs"},
		Process: &specs.Process{
			Args: s.args, Env: []string{containerPath}, Cwd: "/",
			Capabilities: bundle.Capabilities(policy.DockerCapabilities()), NoNewPrivileges: noNewPrivs,
		},
		Mounts: bundleMounts(s),
		Linux: &specs.Linux{
			CgroupsPath: "/" + id,
			Namespaces:  []specs.LinuxNamespace{{Type: "pid"}, {Type: "ipc"}, {Type: "uts"}, {Type: "mount"}},
			Seccomp:     seccomp,
		},
	}
	data, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "config.json", string(data))
	return dir
}

// hostDirs are the host's own programs, libraries and settings.
func hostDirs() []string {
	var dirs []string
	for _, dir := range []string{"/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc"} {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

func bundleMounts(s *server) []specs.Mount {
	mounts := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc"},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "mode=755", "size=64k"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
		{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs"},
		{Destination: "/run", Type: "tmpfs", Source: "tmpfs"},
		{Destination: "/var", Type: "tmpfs", Source: "tmpfs"},
	}
	for _, dir := range hostDirs() {
		mounts = append(mounts, specs.Mount{Destination: dir, Type: "bind", Source: dir, Options: []string{"rbind", "ro"}})
	}
	return append(mounts, specs.Mount{Destination: s.dir, Type: "bind", Source: s.dir, Options: []string{"rbind"}})
}
