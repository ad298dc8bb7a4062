package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/profiler/hook"
	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// bundle is a container of busybox that runc starts, with a scallop of its own.
type bundle struct {
	*place
	dir  string
	spec specs.Spec
	runs int
}

func newBundle(t *testing.T) *bundle {
	t.Helper()
	hosttest.Root(t)
	hosttest.Tool(t, "runc", "runc")
	b := &bundle{place: newPlace(t), dir: t.TempDir()}
	makeBusybox(t, filepath.Join(b.dir, "rootfs"))
	caps := []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE"}
	b.spec = specs.Spec{
		Version: "1.0.2",
		Root:    &specs.Root{Path: "rootfs"},
		Process: &specs.Process{Env: []string{"PATH=/bin"}, Cwd: "/",
			Capabilities: &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps}},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc"},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "mode=755", "size=64k"}},
			{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"size=64k"}},
		},
		Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: "pid"}, {Type: "ipc"}, {Type: "uts"}, {Type: "mount"}}},
	}
	t.Cleanup(func() { wantNoProcess(t, b.program) })
	return b
}

// makeBusybox makes a root file system.
func makeBusybox(t *testing.T, dir string) {
	t.Helper()
	busybox := hosttest.Tool(t, "busybox", "busybox-static")
	for _, name := range []string{"bin", "proc", "dev", "tmp", "sys", "etc"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"busybox", "sh", "ls", "mkdir", "sleep", "true"} {
		if name == "busybox" {
			err = os.WriteFile(filepath.Join(dir, "bin", name), data, 0o755)
		} else {
			err = os.Symlink("busybox", filepath.Join(dir, "bin", name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// hooks are scallop's, and then another's.
func (b *bundle) hooks(stage string, flags []string, more ...specs.Hook) {
	own := specs.Hook{Path: b.program, Args: append([]string{"scallop", "hook"}, flags...)}
	all := append([]specs.Hook{own}, more...)
	b.spec.Hooks = &specs.Hooks{}
	b.spec.Hooks.Prestart = all //lint:ignore SA1019 it is what oci-seccomp-bpf-hook uses
	if stage == "createRuntime" {
		b.spec.Hooks = &specs.Hooks{CreateRuntime: all}
	}
}

// runc runs the command to its end.
func (b *bundle) runc(command string) outcome {
	b.t.Helper()
	b.runs++
	id := fmt.Sprintf("%s-%d", b.workload, b.runs)
	b.spec.Process.Args = []string{"sh", "-c", command}
	b.spec.Linux.CgroupsPath = "/" + id
	data, err := json.Marshal(b.spec)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "config.json"), data, 0o644); err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.Command("runc", "--root", filepath.Join(b.dir, "state"), "run", "--bundle", b.dir, id)
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin", "TMPDIR="+b.temp)
	return outcomeOf(b.t, cmd)
}

func outcomeOf(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// want runs the command, which must succeed.
func (b *bundle) want(command string) {
	b.t.Helper()
	if o := b.runc(command); o.code != 0 {
		b.t.Fatalf("%s: exit code %d: %s%s", command, o.code, o.stdout, o.stderr)
	}
}

func (b *bundle) file(name string) string { return filepath.Join(b.work, name) }

// under has runc load the profile, and runs no hook.
func (b *bundle) under(path string) {
	b.t.Helper()
	b.spec.Hooks = nil
	b.spec.Linux.Seccomp = ociProfile(b.t, path)
}

// ociProfile is what an engine makes of a profile: runc knows neither archMap nor conditions.
func ociProfile(t *testing.T, path string) *specs.LinuxSeccomp {
	t.Helper()
	p := readProfile(t, path)
	seccomp := &specs.LinuxSeccomp{DefaultAction: p.DefaultAction, DefaultErrnoRet: p.DefaultErrnoRet, Architectures: p.Architectures}
	for _, a := range p.ArchMap {
		seccomp.Architectures = append(append(seccomp.Architectures, a.Arch), a.SubArches...)
	}
	data, err := json.Marshal(p.Syscalls)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &seccomp.Syscalls); err != nil {
		t.Fatal(err)
	}
	return seccomp
}

func readProfile(t *testing.T, path string) *hook.Profile {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := hook.ParseProfile(data)
	if err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return p
}

// allows lists the calls that a profile allows.
func allows(p *hook.Profile) []string {
	var names []string
	for _, r := range p.Syscalls {
		if r.Action == specs.ActAllow {
			names = append(names, r.Names...)
		}
	}
	return names
}

// await waits for a file that the recorder writes when the container is gone.
func await(t *testing.T, path string) {
	t.Helper()
	for range 3000 {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	text, _ := os.ReadFile(path + ".error")
	t.Fatalf("%s does not appear: %s", path, text)
}

// wantNoProcess waits until nobody runs the program.
func wantNoProcess(t *testing.T, program string) {
	t.Helper()
	awaitNone(t, func() []string { return running(program) })
}

func awaitNone(t *testing.T, list func() []string) {
	t.Helper()
	var left []string
	for range 500 {
		if left = list(); len(left) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("still running: %q", left)
}

func running(program string) []string {
	var list []string
	exes, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, exe := range exes {
		if to, err := os.Readlink(exe); err == nil && strings.TrimSuffix(to, " (deleted)") == program {
			list = append(list, exe)
		}
	}
	return list
}

// makesFolders tells whether mkdir(1) may do its work.
func makesFolders(calls []string) bool {
	return slices.Contains(calls, "mkdir") || slices.Contains(calls, "mkdirat") // arm64 has only the latter
}
