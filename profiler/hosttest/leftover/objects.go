package leftover

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/cgroup"
)

// ourPrograms are some names of scallop's programs that no other tool on a test host has, as the kernel cuts
// them: BPF_OBJ_NAME_LEN.
var ourPrograms = map[string]bool{"cgroup_mkdir": true, "cgroup_mkdir_raw"[:15]: true, "sched_process_exec"[:15]: true, "signal_generate": true}

// addObjects adds scallop's loaded programs that no process has open; their maps live as long as they do.
func addObjects(t testing.TB, all map[string]bool) {
	t.Helper()
	found := loaded(t)
	held := heldPrograms()
	for id, name := range found {
		// It may have been freed before its holder was looked at.
		if !held[fmt.Sprint(id)] && programName(id) == name {
			all[fmt.Sprintf("BPF program %d, %s", id, name)] = true
		}
	}
}

// loaded are scallop's programs in the kernel.
func loaded(t testing.TB) map[ebpf.ProgramID]string {
	t.Helper()
	found := map[ebpf.ProgramID]string{}
	for id, err := ebpf.ProgramGetNextID(0); !errors.Is(err, fs.ErrNotExist); id, err = ebpf.ProgramGetNextID(id) {
		if err != nil {
			t.Fatalf("listing the loaded BPF programs: %v", err)
		}
		if name := programName(id); ourPrograms[name] {
			found[id] = name
		}
	}
	return found
}

// programName is empty if the program is gone.
func programName(id ebpf.ProgramID) string {
	p, err := ebpf.NewProgramFromID(id)
	if err != nil {
		return ""
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil {
		return ""
	}
	return info.Name
}

// heldPrograms are the IDs of programs that a process holds, by themselves or by a link.
func heldPrograms() map[string]bool {
	held := map[string]bool{}
	files, _ := filepath.Glob("/proc/[0-9]*/fdinfo/*")
	for _, file := range files {
		text, _ := os.ReadFile(file) // it may be gone
		for line := range strings.Lines(string(text)) {
			if id, ok := strings.CutPrefix(line, "prog_id:"); ok {
				held[strings.TrimSpace(id)] = true
			}
		}
	}
	return held
}

// addCgroups adds those of scallop run whose scallop has ended.
func addCgroups(all map[string]bool) {
	mount, err := cgroup.FindMount()
	if err != nil {
		return
	}
	_ = filepath.WalkDir(mount.Path, func(path string, d fs.DirEntry, err error) error {
		var pid int
		if err != nil || !d.IsDir() {
			return nil // others' cgroups come and go
		}
		if _, err := fmt.Sscanf(d.Name(), "scallop-run-%d-", &pid); err == nil && errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
			all[path] = true
		}
		return nil
	})
}
