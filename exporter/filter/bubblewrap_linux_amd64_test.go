package filter_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/scallop-sec/scallop/exporter/filter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// TestBubblewrap: bubblewrap takes the program as it is written, and the kernel does what the profile says.
func TestBubblewrap(t *testing.T) {
	hosttest.Root(t)
	bwrap := hosttest.Tool(t, "bwrap", "bubblewrap")
	under := func(p *policy.Policy, args ...string) error {
		prog, err := filter.Render(p, policy.Host{Architecture: syscalls.X86_64, Capabilities: policy.DockerCapabilities(), Kernel: "6.1"}, nginxCounts(t))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "filter")
		if err := os.WriteFile(path, prog.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		cmd := exec.Command(bwrap, append([]string{"--ro-bind", "/", "/", "--dev", "/dev", "--tmpfs", "/tmp", "--seccomp", "3", "--"}, args...)...)
		cmd.ExtraFiles = []*os.File{file}
		return cmd.Run()
	}
	p, err := policy.Default("docker")
	if err != nil {
		t.Fatal(err)
	}
	if err := under(p, "mkdir", "/tmp/made"); err != nil {
		t.Errorf("Docker's default profile allows mkdir: %v", err)
	}
	if err := under(p, "unshare", "--mount", "true"); err == nil {
		t.Error("Docker's default profile denies unshare")
	}
	for i := range p.Rules {
		p.Rules[i].Names = slices.DeleteFunc(p.Rules[i].Names, func(name string) bool { return name == "mkdir" || name == "mkdirat" })
	}
	if err := under(p, "mkdir", "/tmp/made"); err == nil {
		t.Error("without mkdir in the profile, mkdir succeeds")
	}
}
