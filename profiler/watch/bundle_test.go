package watch

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// bundle makes a folder with a root file system of busybox, and room for runc's state.
func bundle(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "rootfs/bin")
	program, err := os.ReadFile(hosttest.Tool(t, "busybox", "busybox-static"))
	if err := errorsOf(err, os.MkdirAll(bin, 0o755), os.Mkdir(filepath.Join(dir, "rootfs/proc"), 0o755), os.Mkdir(filepath.Join(dir, "rootfs/dev"), 0o755),
		os.WriteFile(filepath.Join(bin, "busybox"), program, 0o755), os.Symlink("busybox", filepath.Join(bin, "true"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func errorsOf(errs ...error) error { return errors.Join(errs...) }

// writeSpec configures a container that runs true under a filter which denies one call that nobody makes.
func writeSpec(dir, rootfs, cgroupsPath string) error {
	errno := uint(1)
	data, err := json.Marshal(specs.Spec{
		Version: "1.0.2",
		Process: &specs.Process{Args: []string{"/bin/true"}, Cwd: "/", Env: []string{"PATH=/bin"}},
		Root:    &specs.Root{Path: rootfs, Readonly: true},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc"},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs"}, // runc makes files there, and all share the root
		},
		Linux: &specs.Linux{
			CgroupsPath: cgroupsPath,
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}, {Type: specs.UTSNamespace}, {Type: specs.IPCNamespace},
			},
			Seccomp: &specs.LinuxSeccomp{
				DefaultAction: specs.ActAllow,
				Syscalls:      []specs.LinuxSyscall{{Names: []string{"kexec_load"}, Action: specs.ActErrno, ErrnoRet: &errno}},
			},
		},
	})
	return errors.Join(err, os.WriteFile(filepath.Join(dir, "config.json"), data, 0o644))
}
