package main

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// kind is one way to start a workload. They differ in what the runtime does under the filter.
type kind struct {
	name   string
	how    how
	change func(*specs.Spec)
}

// how the process comes to be.
type how int

const (
	howRun    how = iota // `run`
	howCreate            // `create`, then `start`: the process waits in between
	howExec              // `exec` into a running container
)

var kinds = []kind{
	{"run as root", howRun, func(*specs.Spec) {}},
	{"run as another user with groups", howRun, asUser},
	{"run without capabilities", howRun, podLike},
	{"run with ambient capabilities", howRun, ambient},
	{"run with a terminal", howRun, terminal},
	{"run in a user namespace", howRun, userNamespace},
	{"run with scheduler, I/O priority, personality and limits", howRun, tuned},
	{"create and start as root", howCreate, func(*specs.Spec) {}},
	{"create and start as another user", howCreate, asUser},
	{"exec as root", howExec, func(*specs.Spec) {}},
	{"exec as another user with groups", howExec, asUser},
	{"exec without capabilities", howExec, podLike},
}

func asUser(s *specs.Spec) {
	s.Process.User = specs.User{UID: 65534, GID: 65534, AdditionalGids: []uint32{1000, 1001}}
	s.Process.Cwd = "/tmp"
}

// podLike is how Kubernetes starts a container that drops ALL.
func podLike(s *specs.Spec) {
	s.Process.User = specs.User{UID: 1000, GID: 1000}
	s.Process.Capabilities = &specs.LinuxCapabilities{}
	oom := 985
	s.Process.OOMScoreAdj = &oom
	s.Root.Readonly = true
}

func ambient(s *specs.Spec) {
	caps := []string{"CAP_NET_BIND_SERVICE"}
	s.Process.User = specs.User{UID: 1000, GID: 1000}
	s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps, Inheritable: caps, Ambient: caps}
}

func terminal(s *specs.Spec) { s.Process.Terminal = true }

func userNamespace(s *specs.Spec) {
	ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 65536}}
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	s.Linux.UIDMappings, s.Linux.GIDMappings = ids, ids
}

// tuned has what newer runtimes can set just before the execve.
func tuned(s *specs.Spec) {
	s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 512, Hard: 1024}}
	s.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedBatch, Nice: 5}
	s.Process.IOPriority = &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_BE, Priority: 5}
	s.Linux.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux}
}

// newSpec is a container of busybox whose filter allows everything but acct(2), which
// nobody here needs: a filter that is loaded, and denies nothing.
func newSpec(cgroup string, noNewPrivs bool, k kind) *specs.Spec {
	caps := []string{"CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID"}
	s := &specs.Spec{
		Version: "1.0.2",
		Process: &specs.Process{
			Args: []string{"/bin/true"}, Cwd: "/", Env: []string{"PATH=/bin"}, NoNewPrivileges: noNewPrivs,
			Capabilities: &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps},
		},
		Root: &specs.Root{Path: "rootfs"},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc"},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "mode=755"}},
			{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "newinstance", "ptmxmode=0666", "mode=0620"}},
			{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
			{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
		},
		Hostname: "baseline",
		Linux: &specs.Linux{
			CgroupsPath: cgroup,
			Namespaces: []specs.LinuxNamespace{{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}, {Type: specs.UTSNamespace},
				{Type: specs.IPCNamespace}, {Type: specs.NetworkNamespace}, {Type: specs.CgroupNamespace}},
			Seccomp: &specs.LinuxSeccomp{
				DefaultAction: specs.ActAllow,
				Syscalls:      []specs.LinuxSyscall{{Names: []string{"acct"}, Action: specs.ActErrno}},
			},
		},
	}
	k.change(s)
	return s
}

// hostSpec is the container that execs enter: it only waits.
func hostSpec(s *specs.Spec) *specs.Spec {
	host, process := *s, *s.Process
	process.Args = []string{"/bin/sleep", "600"}
	process.Capabilities = &specs.LinuxCapabilities{Bounding: slices.Clone(s.Process.Capabilities.Bounding)}
	host.Process = &process
	return &host
}
