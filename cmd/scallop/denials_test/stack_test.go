package denials_test

import (
	"debug/elf"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/cgroup/cgrouptest"
	"github.com/scallop-sec/scallop/profiler/confine"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/launch"
)

// The stack of the first denial leads through the functions that made the call, from the call outwards.
func TestStack(t *testing.T) {
	program := hosttest.Program(t, "stacked", append(slices.Clone(hosttest.Bare), "-fno-omit-frame-pointer")...)
	c := cgrouptest.New(t)
	w := watch(t, "--cgroup", c.Path, "--stack")
	theirs, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	cmd, err := launch.Start(launch.Options{Args: []string{program}, Stdin: theirs, Cgroup: c, Filter: deny(unix.SYS_GETPPID)})
	if err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	w.until(t, `"event":"denied"`)
	ours.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	r, _ := w.end(t)
	if len(r.Workloads) != 1 || len(r.Workloads[0].Denials) != 1 {
		t.Fatalf("%+v", r)
	}
	var got []string
	for _, frame := range r.Workloads[0].Denials[0].Who.Stack {
		got = append(got, functionAt(t, program, frame))
	}
	if want := []string{"inner", "outer", "main_loop", "_start"}; !slices.Equal(got[:min(len(want), len(got))], want) {
		t.Errorf("called by %q, not %q", got, want)
	}
}

func deny(nr uint32) *confine.Filter {
	return &confine.Filter{Program: []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: nr, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}}
}

// functionAt returns the name of the function that a frame, FILE+OFFSET, is in.
func functionAt(t *testing.T, program, frame string) string {
	t.Helper()
	file, text, _ := strings.Cut(frame, "+")
	offset, err := strconv.ParseUint(text, 0, 64)
	if err != nil || filepath.Base(file) != filepath.Base(program) {
		return frame
	}
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	address := offset
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && offset >= p.Off && offset < p.Off+p.Filesz {
			address = offset - p.Off + p.Vaddr
		}
	}
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && address >= s.Value && address < s.Value+s.Size {
			return s.Name
		}
	}
	return frame
}
