//go:build linux

package exporter_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// busyboxCalls are what Debian's static busybox makes for true, sleep, id and
// grep of a file, seen with strace, and what other versions of it and of its C library make instead.
const busyboxCalls = `arch_prctl brk clock_nanosleep close execve exit_group fcntl fstat getegid geteuid getgid getgroups
	getrandom getuid ioctl lseek mmap mprotect munmap nanosleep newfstatat open openat prctl prlimit64 read
	readlink readlinkat rseq rt_sigaction rt_sigprocmask sendfile set_robust_list set_tid_address stat uname write`

// otherRuntime names another runtime than runc to run these tests with, e.g. /usr/bin/crun.
const otherRuntime = "SCALLOP_TEST_RUNTIME"

// family is that of the tested runtime.
func family() string {
	if filepath.Base(os.Getenv(otherRuntime)) == exporter.RuntimeCrun {
		return exporter.RuntimeCrun
	}
	return exporter.RuntimeRunc
}

// needRunc returns runc and busybox, and skips where a container cannot be started.
func needRunc(t *testing.T) (runc, busybox string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("starts a container: needs root")
	}
	var err error
	if runc, err = exec.LookPath(cmp.Or(os.Getenv(otherRuntime), "runc")); err != nil {
		t.Skip("starts a container: needs runc (Debian: apt-get install runc)")
	}
	if busybox, err = exec.LookPath("busybox"); err != nil {
		t.Skip("starts a container: needs a static busybox (Debian: apt-get install busybox-static)")
	}
	return runc, busybox
}

// bundle is a container that is not started yet.
type bundle struct {
	dir, id string
	runc    string
	spec    specs.Spec
}

func newBundle(t *testing.T, profile []byte, args ...string) *bundle {
	t.Helper()
	runc, busybox := needRunc(t)
	b := &bundle{dir: t.TempDir(), runc: runc}
	b.id = fmt.Sprintf("scallop-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	rootfs := filepath.Join(b.dir, "rootfs")
	for _, dir := range []string{"bin", "proc", "dev", "etc", "tmp"} {
		must(t, os.MkdirAll(filepath.Join(rootfs, dir), 0o755))
	}
	program, err := os.ReadFile(busybox)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(rootfs, "bin", "busybox"), program, 0o755))
	for _, applet := range []string{"true", "sleep", "id", "grep"} {
		must(t, os.Symlink("busybox", filepath.Join(rootfs, "bin", applet)))
	}
	must(t, os.WriteFile(filepath.Join(rootfs, "etc", "passwd"), []byte("root:x:0:0::/:/bin/true\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(rootfs, "etc", "group"), []byte("root:x:0:\n"), 0o644))
	b.spec = specFor(t, rootfs, profile, args)
	t.Cleanup(func() { _ = exec.Command(runc, "delete", "-f", b.id).Run() })
	return b
}

func specFor(t *testing.T, rootfs string, profile []byte, args []string) specs.Spec {
	t.Helper()
	var filter specs.LinuxSeccomp
	must(t, json.Unmarshal(profile, &filter))
	caps := []string{"CAP_KILL", "CAP_SETUID", "CAP_SETGID"}
	return specs.Spec{
		Version: "1.0.2",
		Process: &specs.Process{
			Args: args, Cwd: "/", Env: []string{"PATH=/usr/bin:/bin"},
			Capabilities: &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps},
		},
		Root:   &specs.Root{Path: rootfs},
		Mounts: []specs.Mount{{Destination: "/proc", Type: "proc", Source: "proc"}},
		Linux: &specs.Linux{
			Namespaces: []specs.LinuxNamespace{{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}, {Type: specs.UTSNamespace}, {Type: specs.IPCNamespace}},
			Seccomp:    &filter,
		},
	}
}

// runcCmd runs one command of runc and returns all that it and the container wrote.
func (b *bundle) runcCmd(t *testing.T, args ...string) (string, error) {
	t.Helper()
	config, err := json.Marshal(b.spec)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(b.dir, "config.json"), config, 0o644))
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.runc, args...)
	cmd.Dir = b.dir
	// A file, not a pipe: a detached container keeps it open.
	out, err := os.Create(filepath.Join(b.dir, "output"))
	must(t, err)
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	runErr := cmd.Run()
	text, err := os.ReadFile(out.Name())
	must(t, err)
	return string(bytes.TrimSpace(text)), runErr
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// busyboxProfile is exported from a recording of busybox outside of any container.
func busyboxProfile(t *testing.T, runtimeName string, more ...*recording.Recording) []byte {
	t.Helper()
	return profileOf(t, busyboxCalls, exporter.Options{Runtime: runtimeName}, more...)
}

// profileOf is exported from a recording of a command that makes these calls.
func profileOf(t *testing.T, calls string, opts exporter.Options, more ...*recording.Recording) []byte {
	t.Helper()
	native, ok := syscalls.Native(runtime.GOARCH)
	if !ok {
		t.Skipf("no table of system calls for %s", runtime.GOARCH)
	}
	rec := &recording.Recording{
		APIVersion: recording.APIVersion, Kind: recording.Kind, Complete: true,
		Workload: recording.Workload{Kind: recording.KindCommand, Name: "busybox"}, Host: recording.Host{Architecture: string(native)},
		Phases: []recording.Phase{{Name: recording.PhaseStartup}},
	}
	for _, name := range strings.Fields(calls) {
		if nr, ok := syscalls.Number(native, name); ok {
			rec.Syscalls = append(rec.Syscalls, startupCall(native, nr, name))
		}
	}
	profile, err := exporter.Build(append(more, rec), opts)
	must(t, err)
	data, err := exporter.OCI(profile, exporter.RenderOptions{})
	must(t, err)
	return data
}

func startupCall(abi syscalls.ABI, nr int, name string) recording.Syscall {
	return recording.Syscall{
		ABI: string(abi), Nr: nr, Name: name, Total: 1,
		Phases: map[string]recording.PhaseCount{recording.PhaseStartup: {Count: 1}},
	}
}

// TestRuncStartsUnderTheProfile: runc and libseccomp accept the exported profile, and
// its handover table lets runc start the workload under it, which then has the filter.
func TestRuncStartsUnderTheProfile(t *testing.T) {
	profile := busyboxProfile(t, family())
	user := specs.User{UID: 65534, GID: 65534, AdditionalGids: []uint32{1000, 1001}}
	for _, tc := range []struct {
		name   string
		change func(*specs.Process)
	}{
		{"root", func(*specs.Process) {}},
		{"another user", func(p *specs.Process) { p.User, p.Cwd = user, "/tmp" }},
		{"no_new_privs", func(p *specs.Process) { p.NoNewPrivileges = true }},
		{"no_new_privs, another user", func(p *specs.Process) { p.NoNewPrivileges, p.User = true, user }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBundle(t, profile, "grep", "Seccomp:", "/proc/self/status")
			tc.change(b.spec.Process)
			out, err := b.runcCmd(t, "run", b.id)
			if err != nil || !slices.Equal(strings.Fields(out), []string{"Seccomp:", "2"}) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// TestRuncExecsUnderTheProfile: so does a process that joins later, whatever a denied call returns: runc
// goes without those that the profile leaves out.
func TestRuncExecsUnderTheProfile(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ENOSYS, syscall.EPERM} {
		b := newBundle(t, busyboxProfile(t, family()), "sleep", "60")
		returned := uint(errno)
		b.spec.Linux.Seccomp.DefaultErrnoRet = &returned
		if out, err := b.runcCmd(t, "run", "-d", b.id); err != nil {
			t.Fatalf("%s: %v: %s", errno, err, out)
		}
		out, err := b.runcCmd(t, "exec", "--user", "65534:65534", b.id, "grep", "Seccomp:", "/proc/self/status")
		if err != nil || !slices.Equal(strings.Fields(out), []string{"Seccomp:", "2"}) {
			t.Errorf("%s: %v: %s", errno, err, out)
		}
	}
}

// TestRuncNeedsItsTable: without the table runc cannot start the same workload,
// so the tests above prove something.
func TestRuncNeedsItsTable(t *testing.T) {
	b := newBundle(t, busyboxProfile(t, exporter.RuntimeNone), "true")
	if out, err := b.runcCmd(t, "run", b.id); err == nil {
		t.Errorf("runc started without the calls of its table: %s", out)
	}
}

// TestRuncTakesSeveralArchitectures: libseccomp accepts names that only one of
// them has, and architectures that this host cannot run.
func TestRuncTakesSeveralArchitectures(t *testing.T) {
	foreign := func(native, abi syscalls.ABI, name string) *recording.Recording {
		nr, ok := syscalls.Number(abi, name)
		if !ok {
			t.Fatalf("%s has no %s", abi, name)
		}
		return &recording.Recording{
			Complete: true, Host: recording.Host{Architecture: string(native)},
			Phases:   []recording.Phase{{Name: recording.PhaseStartup}},
			Syscalls: []recording.Syscall{startupCall(abi, nr, name)},
		}
	}
	profile := busyboxProfile(t, family(),
		foreign(syscalls.X86_64, syscalls.X86, "socketcall"), foreign(syscalls.AArch64, syscalls.ARM, "send"))
	b := newBundle(t, profile, "grep", "Seccomp:", "/proc/self/status")
	out, err := b.runcCmd(t, "run", b.id)
	if err != nil || !slices.Equal(strings.Fields(out), []string{"Seccomp:", "2"}) {
		t.Errorf("%v: %s", err, out)
	}
}
