package portability

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var emulatedCall = regexp.MustCompile(`(?m)^\d+ (?:([a-z0-9_]+)\(.*|Unknown syscall (\d+))$`)

// emulated runs an aarch64 program in user-mode emulation, which reports its calls. The
// program is executed by the host, without a call.
func emulated(t *testing.T, path string) trace {
	t.Helper()
	cmd := exec.Command(hosttest.Tool(t, "qemu-aarch64-static", "qemu-user-static"), "-L", "/usr/aarch64-linux-gnu", "-strace", path)
	cmd.Dir = t.TempDir()
	// The host cannot execute what is compiled for aarch64: the child is one of its own.
	cmd.Env = append(os.Environ(), "CHILD=/bin/true")
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", path, err, log.Bytes())
	}
	calls := trace{}
	for _, match := range emulatedCall.FindAllStringSubmatch(log.String(), -1) {
		name := match[1]
		if match[2] != "" {
			nr, _ := strconv.Atoi(match[2])
			name, _ = syscalls.Name(syscalls.AArch64, nr)
		}
		calls[name] = append(calls[name], match[0])
	}
	if len(calls) == 0 {
		t.Fatalf("no call of %s was reported", path)
	}
	return calls
}

// TestArchitectures: what was recorded on x86_64, translated by names, lets the same program
// work on aarch64, whichever library served it here.
func TestArchitectures(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("knows the calls of x86_64 hosts only")
	}
	there := []library{
		{"static", "aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu", []string{"-static"}},
		{"dynamic", "aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu", nil},
	}
	for _, program := range []string{"least", "hello", "jobs"} {
		for _, far := range there {
			calls := emulated(t, compile(t, far, program))
			for _, l := range libraries {
				t.Run(program+"/"+l.name+"/"+far.name, func(t *testing.T) {
					names := traced(t, compile(t, l, program)).names()
					if unmapped := Unmapped(names, "aarch64"); len(unmapped) > 0 {
						t.Errorf("no place for %v", unmapped)
					}
					c := Close(names, Arch, []string{"aarch64", "x86_64"})
					allowed := c.Names(names)
					for _, a := range c.Answered {
						allowed = append(allowed, a.Name)
					}
					if missing := lacks(allowed, calls); len(missing) > 0 {
						t.Errorf("not allowed on aarch64: %v", missing)
					}
				})
			}
		}
	}
}
