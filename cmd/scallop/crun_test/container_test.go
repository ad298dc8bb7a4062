package crun_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/audit/audittest"
	"github.com/scallop-sec/scallop/profiler/hosttest/bundle"
	"github.com/scallop-sec/scallop/profiler/hosttest/process"
)

const (
	cgroupMount  = "/sys/fs/cgroup"
	cgroupParent = "scallop-crun-test"
)

// container is a server in a bundle of crun's.
type container struct {
	server     server
	id         string // as engines make them: scallop knows containers by it
	dir        string // the bundle
	noNewPrivs bool
	profile    *specs.LinuxSeccomp // unconfined if nil
	spec       *specs.Spec
	loginuid   int
	pid        int           // of the first process, once it is created
	ended      chan struct{} // is closed then,
	exitCode   int           // and this is set; -1 if a signal ended it
}

func newContainer(t *testing.T, s server, noNewPrivs bool, profile *specs.LinuxSeccomp) *container {
	t.Helper()
	dir, err := os.MkdirTemp("", "scallop-crun-")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(dir))
	c := &container{
		server: s, id: hex.EncodeToString(sum[:]), dir: dir, noNewPrivs: noNewPrivs, profile: profile,
		loginuid: audittest.NewLoginUID(), ended: make(chan struct{}),
	}
	t.Cleanup(func() {
		c.remove()
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("left behind: %v", err)
		}
	})
	if err := errors.Join(os.Chmod(dir, 0o755), c.writeBundle()); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *container) cgroup() string { return "/" + cgroupParent + "/" + c.id }

func (c *container) crun(args ...string) *exec.Cmd {
	flags := []string{"crun", "--cgroup-manager", "cgroupfs", "--root", filepath.Join(c.dir, "state")}
	args = audittest.WithLoginUID(c.loginuid, append(flags, args...)...)
	return exec.Command(args[0], args[1:]...)
}

// start is what an engine does: first it creates the container, then it starts the program. The
// container writes to a file, not to a pipe that would end with crun.
func (c *container) start() error {
	f, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	pidFile := filepath.Join(c.dir, "pid")
	create := c.crun("create", "--bundle", c.dir, "--pid-file", pidFile, c.id)
	create.Stdout, create.Stderr = f, f
	if err := process.Run(create); err != nil {
		return err
	}
	text, err := os.ReadFile(pidFile)
	if err == nil {
		c.pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
	}
	if err != nil {
		return fmt.Errorf("pid of the container: %w", err)
	}
	go c.reap()
	start := c.crun("start", c.id)
	start.Stdout, start.Stderr = f, f
	return process.Run(start)
}

// reap: the container's first process became a child of this one when `crun create` ended.
func (c *container) reap() {
	defer close(c.ended)
	var status unix.WaitStatus
	c.exitCode = -1
	for {
		_, err := unix.Wait4(c.pid, &status, 0, nil)
		if err == nil {
			c.exitCode = status.ExitStatus()
		}
		if err != unix.EINTR {
			return
		}
	}
}

// stop sends the image's stop signal. A server that stops in order says so with its exit code.
func (c *container) stop() error {
	if _, err := process.Output(c.crun("kill", c.id, c.server.stop)); err != nil {
		return err
	}
	if err := poll(func() error { return errors.New("runs on") }, c.ended); !errors.Is(err, process.ErrEnded) {
		return err
	}
	if c.exitCode != 0 {
		return fmt.Errorf("exit code %d", c.exitCode)
	}
	return nil
}

// exec enters the container as engines do, with the settings of its own process.
func (c *container) exec(args ...string) error {
	settings := *c.spec.Process
	settings.Args = args
	path := filepath.Join(c.dir, "process.json")
	if err := writeJSON(path, &settings); err != nil {
		return err
	}
	_, err := process.Output(c.crun("exec", "--process", path, c.id))
	return err
}

// execPlain enters it as people do: crun takes no settings from the container then.
func (c *container) execPlain(args ...string) error {
	_, err := process.Output(c.crun(append([]string{"exec", c.id}, args...)...))
	return err
}

// remove takes the container away at any time, and again.
func (c *container) remove() {
	if c.pid != 0 {
		_ = unix.Kill(c.pid, unix.SIGKILL) // it may have ended
		_ = poll(func() error { return c.reapOrphans() }, c.ended)
	}
	_, _ = process.Output(c.crun("delete", "--force", c.id)) // it may never have been
}

// reapOrphans: a `crun exec` that fails leaves its child behind, and a container's first process does
// not end before all others of its PID namespace are reaped.
func (c *container) reapOrphans() error {
	children, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()))
	for _, child := range strings.Fields(string(children)) {
		status, _ := os.ReadFile("/proc/" + child + "/status") // it may have gone
		_, numbers, _ := strings.Cut(string(status), "NSpid:")
		numbers, _, _ = strings.Cut(numbers, "\n")
		pid, inside := 0, 0
		if n, _ := fmt.Sscan(numbers, &pid, &inside); n == 2 && inside != 1 {
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
		}
	}
	return errors.Join(err, errors.New("not reaped yet"))
}

func (c *container) log() string {
	text, err := os.ReadFile(filepath.Join(c.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// writeBundle: servers share a root that they cannot write to, and have a /data each.
func (c *container) writeBundle() error {
	data := filepath.Join(c.dir, "data")
	user, err := c.server.user()
	if err != nil {
		return err
	}
	c.spec = &specs.Spec{
		Version: "1.0.2",
		Root:    &specs.Root{Path: serversRoot(), Readonly: true},
		Process: &specs.Process{
			Args: c.server.args, Env: []string{containerPath, "LC_ALL=C"}, Cwd: "/", User: user,
			Capabilities: bundle.Capabilities(policy.DockerCapabilities()), NoNewPrivileges: c.noNewPrivs,
		},
		Hostname: "server",
		Mounts:   bundleMounts(data),
		Linux: &specs.Linux{
			CgroupsPath: c.cgroup(),
			Namespaces:  []specs.LinuxNamespace{{Type: "pid"}, {Type: "ipc"}, {Type: "uts"}, {Type: "mount"}},
			Seccomp:     c.profile,
		},
	}
	return errors.Join(writeJSON(filepath.Join(c.dir, "config.json"), c.spec), c.server.fill(data, user))
}

func writeJSON(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

func bundleMounts(data string) []specs.Mount {
	return []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc"},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "mode=755", "size=64k"}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "nodev", "mode=1777"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
		{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=1777"}},
		{Destination: "/run", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=755"}},
		{Destination: "/data", Type: "bind", Source: data, Options: []string{"rbind", "rw"}},
	}
}
