package leftover

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// What is made in a folder is a trace, a hidden file as any other, until it is gone.
func TestFolders(t *testing.T) {
	hosttest.Root(t)
	dir := t.TempDir()
	folders := []string{dir}
	before := traces(t, folders)
	path := filepath.Join(dir, ".scallop-1")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if now := traces(t, folders); !now[path] || before[path] {
		t.Errorf("before %v, now %v", before, now)
	}
	time.AfterFunc(200*time.Millisecond, func() { _ = os.Remove(path) })
	if left := newTraces(t, before, folders); len(left) > 0 {
		t.Errorf("%q", left)
	}
}

// A program that nobody has open is a trace as long as it is pinned.
func TestPrograms(t *testing.T) {
	hosttest.Root(t)
	before := traces(t, nil)
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "signal_generate", Type: ebpf.SocketFilter, License: "MIT",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		t.Fatal(err)
	}
	pin := fmt.Sprintf("/sys/fs/bpf/leftover-test-%d", os.Getpid())
	info, err := program.Info()
	if err != nil {
		t.Fatal(err)
	}
	id, _ := info.ID()
	trace := fmt.Sprintf("BPF program %d, signal_generate", id)
	if traces(t, nil)[trace] {
		t.Error("a program that this process has open is left behind")
	}
	if err := errors.Join(program.Pin(pin), program.Close()); err != nil {
		t.Skipf("pinning a program: %v: is a bpffs mounted?", err)
	}
	if !traces(t, nil)[trace] {
		t.Errorf("no %q", trace)
	}
	if err := os.Remove(pin); err != nil {
		t.Fatal(err)
	}
	for _, left := range newTraces(t, before, nil) {
		if left == trace {
			t.Errorf("still there: %s", left)
		}
	}
}
