package portability_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/portability"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// TestEnforced runs the program of each library under the profile of each, in containers that
// are killed at the first call that their profile does not have.
func TestEnforced(t *testing.T) {
	hosttest.Root(t)
	runc := hosttest.Tool(t, "runc", "runc")
	if runtime.GOARCH != "amd64" {
		t.Skip("knows the calls of x86_64 hosts only")
	}
	for _, program := range []string{"hello", "jobs"} {
		t.Run(program, func(t *testing.T) { enforce(t, runc, program) })
	}
}

func enforce(t *testing.T, runc, program string) {
	var paths []string
	for _, l := range portability.Libraries {
		paths = append(paths, portability.Compile(t, l, program))
	}
	for i, recorded := range portability.Libraries {
		names := portability.Traced(t, paths[i])
		carried := profileOf(t, names, "libc")
		alone := profileOf(t, names, "none")
		for j, runs := range portability.Libraries {
			t.Run(recorded.Name()+"/"+runs.Name(), func(t *testing.T) {
				if out, err := contain(t, runc, paths[j], carried); err != nil || strings.TrimSpace(out) != "done" {
					t.Errorf("with the closure: %v: %s", err, out)
				}
				// 0 and 1 are glibc, 2 and 3 musl.
				if out, err := contain(t, runc, paths[j], alone); i/2 != j/2 && err == nil {
					t.Errorf("without the closure it works: the test shows nothing: %s", out)
				}
			})
		}
	}
}

// profileOf exports a recording of these calls, as an OCI profile that kills.
func profileOf(t *testing.T, names []string, level string) *specs.LinuxSeccomp {
	t.Helper()
	r := &recording.Recording{
		APIVersion: recording.APIVersion, Kind: recording.Kind, Complete: true,
		ID: "00112233445566778899aabbccddeeff", StartedAt: time.Unix(1e9, 0),
		Workload: recording.Workload{Kind: recording.KindCommand, Name: "jobs"},
		Host:     recording.Host{Kernel: "6.12.0", Architecture: "x86_64"},
		Phases:   []recording.Phase{{Name: recording.PhaseStartup}},
	}
	for _, name := range names {
		nr, ok := syscalls.Number(syscalls.X86_64, name)
		if !ok {
			t.Fatalf("strace shows %s, which x86_64 does not have", name)
		}
		r.Syscalls = append(r.Syscalls, recording.Syscall{
			ABI: "x86_64", Nr: nr, Name: name, Total: 1, Phases: map[string]recording.PhaseCount{recording.PhaseStartup: {Count: 1}},
		})
	}
	p, err := exporter.Build([]*recording.Recording{r}, exporter.Options{Portability: level})
	must(t, err)
	data, err := exporter.OCI(p, exporter.RenderOptions{DefaultAction: specs.ActKillProcess})
	must(t, err)
	var filter specs.LinuxSeccomp
	must(t, json.Unmarshal(data, &filter))
	return &filter
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// contain runs the program in a container of its own, with all C libraries there are.
func contain(t *testing.T, runc, program string, filter *specs.LinuxSeccomp) (string, error) {
	t.Helper()
	dir := t.TempDir()
	rootfs := filepath.Join(dir, "rootfs")
	for _, sub := range []string{"proc", "dev", "work"} {
		must(t, os.MkdirAll(filepath.Join(rootfs, sub), 0o755))
	}
	put(t, program, filepath.Join(rootfs, "jobs"))
	for _, path := range []string{"/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6", "/lib/ld-musl-x86_64.so.1"} {
		put(t, path, filepath.Join(rootfs, path))
	}
	caps := []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL"}
	config, err := json.Marshal(specs.Spec{
		Version: "1.0.2",
		Process: &specs.Process{
			Args: []string{"/jobs"}, Cwd: "/work",
			Capabilities: &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps},
		},
		Root:   &specs.Root{Path: "rootfs"},
		Mounts: []specs.Mount{{Destination: "/proc", Type: "proc", Source: "proc"}},
		Linux: &specs.Linux{
			Namespaces: []specs.LinuxNamespace{{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}, {Type: specs.IPCNamespace}},
			Seccomp:    filter,
		},
	})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "config.json"), config, 0o644))
	id := fmt.Sprintf("scallop-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	defer exec.Command(runc, "delete", "-f", id).Run() // it is gone if all went well
	cmd := exec.Command(runc, "run", "--bundle", dir, id)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func put(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	must(t, err)
	must(t, os.MkdirAll(filepath.Dir(to), 0o755))
	must(t, os.WriteFile(to, data, 0o755))
}
