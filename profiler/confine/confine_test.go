package confine_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/confine"
	"github.com/scallop-sec/scallop/profiler/hosttest"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// only is a filter that allows these calls of the native ABI and nothing else; without any, it allows all but execve.
func only(otherwise uint32, calls ...uint32) *confine.Filter {
	allow, others := uint32(unix.SECCOMP_RET_ALLOW), otherwise
	if len(calls) == 0 {
		calls, allow, others = []uint32{unix.SYS_EXECVE}, otherwise, unix.SECCOMP_RET_ALLOW
	}
	program := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}}
	for i, nr := range calls {
		program = append(program, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: uint8(len(calls) - i), K: nr})
	}
	return &confine.Filter{Program: append(program,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: others},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: allow})}
}

// start returns what Await says, and the command when it has ended.
func start(t *testing.T, f *confine.Filter, args ...string) (*exec.Cmd, error) {
	t.Helper()
	cmd := &exec.Cmd{Path: args[0], Args: args, Env: []string{"A=1"}}
	h, err := confine.Prepare(cmd, f)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	err = h.Await(nil)
	_ = cmd.Wait() // its state is looked at
	return cmd, err
}

// Between the filter and the command's execve there is no call at all: any would kill the
// helper here.
func TestNothingButExecve(t *testing.T) {
	hosttest.Root(t)
	program := filepath.Join(t.TempDir(), "exit42")
	source := `int main; __attribute__((naked)) void _start(void) { __asm__("mov $231, %eax; mov $42, %edi; syscall"); }`
	build := exec.Command(hosttest.Tool(t, "gcc", "gcc"), "-x", "c", "-", "-nostdlib", "-static", "-o", program)
	build.Stdin = strings.NewReader(source)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for range 100 {
		cmd, err := start(t, only(unix.SECCOMP_RET_KILL_PROCESS, unix.SYS_EXECVE, unix.SYS_EXIT_GROUP), program)
		if err != nil || cmd.ProcessState.ExitCode() != 42 {
			t.Fatalf("%v, %v", err, cmd.ProcessState)
		}
	}
}

func TestFailures(t *testing.T) {
	hosttest.Root(t)
	allowAll := only(unix.SECCOMP_RET_ALLOW)
	for name, test := range map[string]struct {
		filter  *confine.Filter
		command string
		want    error
		execve  bool
		text    string
	}{
		"no such file":   {allowAll, "/no/such/file", unix.ENOENT, true, "no such file"},
		"denied execve":  {only(unix.SECCOMP_RET_ERRNO | 13), "/bin/true", unix.EACCES, true, "permission denied"},
		"killing execve": {only(unix.SECCOMP_RET_KILL_THREAD), "/bin/true", nil, true, "killed the command's execve"},
		"no program":     {&confine.Filter{Program: []unix.SockFilter{{Code: 0xffff}}}, "/bin/true", unix.EINVAL, false, "CONFIG_SECCOMP_FILTER"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := start(t, test.filter, test.command)
			var step *confine.StepError
			if !errors.As(err, &step) || step.OfExecve() != test.execve || !strings.Contains(err.Error(), test.text) {
				t.Fatalf("%v", err)
			}
			if test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("%v is not %v", err, test.want)
			}
		})
	}
	cmd, err := start(t, only(unix.SECCOMP_RET_KILL_PROCESS), "/bin/true")
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); err != nil || status.Signal() != unix.SIGSYS {
		t.Errorf("a killed helper: %v, %v", err, cmd.ProcessState)
	}
}

func TestPrepareRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		filter *confine.Filter
		args   []string
	}{
		"no filter":         {&confine.Filter{}, []string{"true"}},
		"a filter too long": {&confine.Filter{Program: make([]unix.SockFilter, 4097)}, []string{"true"}},
		"a NUL":             {only(unix.SECCOMP_RET_ALLOW), []string{"true", "a\x00b"}},
	} {
		if _, err := start(t, test.filter, test.args...); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// The command is another user's, who could not load the filter, with and without no_new_privs.
func TestUser(t *testing.T) {
	hosttest.Root(t)
	for _, noNewPrivs := range []bool{false, true} {
		f := only(unix.SECCOMP_RET_ALLOW)
		f.NoNewPrivs = noNewPrivs
		cmd := exec.Command("/bin/sh", "-c", `test "$(id -u):$(id -g)" = 4242:4343 && ! setpriv --reuid 0 true 2>/dev/null`)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4242, Gid: 4343}}
		h, err := confine.Prepare(cmd, f)
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if err := h.Await(nil); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("no_new_privs %v: %v", noNewPrivs, err)
		}
	}
}
