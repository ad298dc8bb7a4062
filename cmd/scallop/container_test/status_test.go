package container_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// statusReport is what is read of the output of `scallop status`.
type statusReport struct {
	Workloads []struct {
		Container struct {
			Profile, File string
			Given         *compared
		}
		Processes []struct {
			PID  int
			Live *compared
		}
		Findings []struct{ Kind, Text string }
	}
}

type compared struct {
	Same        bool
	Differences []string
	Unnamed     int
	Error       string
}

// calls are the names of those that differ.
func (c *compared) calls() []string {
	var names []string
	for _, line := range c.Differences {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// testStatus looks at a container whose profile is as on disk, and again when the file has changed; and at one that
// is not confined.
func testStatus(t *testing.T, h *host) {
	profile := filepath.Join(h.room.Dir, room.Unique("status")+".json")
	writeOldProfile(t, profile)
	c := startTools(t, h, profile)
	r := status(t, h, 0, c.name, "--profile", profile, "--attach")
	w := r.Workloads[0]
	if w.Container.Given == nil || !w.Container.Given.Same || len(w.Processes) == 0 || w.Processes[0].Live == nil || !w.Processes[0].Live.Same {
		t.Fatalf("%+v", r)
	}
	edit(t, profile, `"uname"`, `"exit"`)
	w = status(t, h, 1, c.name, "--profile", profile, "--attach").Workloads[0]
	for _, one := range []*compared{w.Container.Given, w.Processes[0].Live} {
		if one.Same || !slices.Equal(one.calls(), []string{"uname"}) || one.Unnamed > 0 || one.Error != "" {
			t.Errorf("%+v", one)
		}
	}
	// Which file that was, Docker does not know: its client sent what was in it.
	w = status(t, h, 0, c.name).Workloads[0]
	if w.Container.File != "" && (w.Container.Given == nil || !slices.Equal(w.Container.Given.calls(), []string{"uname"})) {
		t.Errorf("%+v", w.Container)
	}
	if (w.Container.File == "") != (h.kind == "docker") {
		t.Errorf("%s tells the file %q", h.kind, w.Container.File)
	}
	w = status(t, h, 1, startTools(t, h, "").name).Workloads[0]
	if w.Container.Profile != "unconfined" || len(w.Findings) == 0 || w.Findings[0].Kind != "unconfined-process" {
		t.Errorf("%+v", w)
	}
}

// startTools returns when the container's own program runs, whose children come and go.
func startTools(t *testing.T, h *host, profile string) container {
	t.Helper()
	c := container{name: room.Unique("status"), image: "tools", profile: profile, args: []string{"/bin/sh", "-c", "while :; do sleep 0.1; done"}}
	t.Cleanup(func() { h.remove(c.name) })
	running := func() error {
		return poll(func() error {
			pid, err := h.leader(c.name)
			if err != nil {
				return err
			}
			if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err != nil || filepath.Base(exe) != "busybox" {
				return fmt.Errorf("it runs %s: %w", exe, err)
			}
			return nil
		}, nil)
	}
	if err := firstError(h.start(c), running); err != nil {
		t.Fatal(err, h.logs(c.name))
	}
	return c
}

// status looks at one container; scallop must end with that code.
func status(t *testing.T, h *host, code int, name string, flags ...string) statusReport {
	t.Helper()
	args := append([]string{"status", "--output", "json", "--runtime-endpoint", h.endpoint, "--container", name, "--root", "/" + h.room.Cgroup}, flags...)
	var out, errs bytes.Buffer
	cmd := exec.Command(scallop, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // its code is looked at below
	var r statusReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil || cmd.ProcessState.ExitCode() != code || len(r.Workloads) != 1 {
		t.Fatalf("code %d, %v\n%s%s", cmd.ProcessState.ExitCode(), err, &out, &errs)
	}
	return r
}

// isOld: libseccomp here may know no newer ones, and leaves them out of a filter. Of x86_64, the numbers from 335 to 423 came last.
func isOld(nr int) bool { return nr <= 334 || nr >= 424 && nr <= 435 }

// writeOldProfile writes what Docker's default is for a container, in a form that every engine reads.
func writeOldProfile(t *testing.T, path string) {
	t.Helper()
	p, err := policy.Default("docker")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := p.Load(policy.Host{Architecture: syscalls.X86_64, Kernel: "5.10", Capabilities: policy.DockerCapabilities()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range spec.Syscalls {
		spec.Syscalls[i].Names = slices.DeleteFunc(spec.Syscalls[i].Names, func(name string) bool {
			nr, ok := syscalls.Number(syscalls.X86_64, name)
			return !ok || !isOld(nr)
		})
	}
	spec.Syscalls = slices.DeleteFunc(spec.Syscalls, func(s specs.LinuxSyscall) bool { return len(s.Names) == 0 })
	data, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func edit(t *testing.T, path, from, to string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(data), from, to, 1)
	if text == string(data) {
		t.Fatalf("no %s in %s", from, path)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
