package exporter

import (
	"slices"
	"testing"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/profiler/syscalls"

	"runtime"
)

// TestMobyLoadsDocker: Docker's own loader gets out what was put in.
func TestMobyLoadsDocker(t *testing.T) {
	native, ok := syscalls.Native(runtime.GOARCH)
	if !ok {
		t.Skipf("no table of system calls for %s", runtime.GOARCH)
	}
	p := build(t, Options{}, recordOn(t, "w", string(native), counts{"steady": {"read": 3}, "shutdown": {"close": 1}}))
	data, err := Docker(p, RenderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := seccomp.LoadProfile(string(data), &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{}}})
	if err != nil {
		t.Fatal(err)
	}
	if got.DefaultAction != specs.ActErrno || got.DefaultErrnoRet == nil || *got.DefaultErrnoRet != 38 {
		t.Errorf("default %s, errno %v", got.DefaultAction, got.DefaultErrnoRet)
	}
	if want := []specs.Arch{specs.Arch(syscalls.SeccompArch(native))}; !slices.Equal(got.Architectures, want) {
		t.Errorf("architectures %v, want %v", got.Architectures, want)
	}
	var names []string
	for _, s := range got.Syscalls {
		if s.Action != specs.ActAllow {
			t.Errorf("action %s", s.Action)
		}
		names = append(names, s.Names...)
	}
	if len(names) != len(p.Entries) {
		t.Errorf("%d names, but %d entries", len(names), len(p.Entries))
	}
	for _, e := range p.Entries {
		if !slices.Contains(names, e.Name) {
			t.Errorf("%s is missing", e.Name)
		}
	}
}
