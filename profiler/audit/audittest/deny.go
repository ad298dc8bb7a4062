package audittest

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

var lastControl atomic.Int32

// DenyOneCall makes a call that a filter on its own thread logs, and returns its
// number, which no kernel has.
func DenyOneCall(t testing.TB) int {
	t.Helper()
	nr := 4000 + lastControl.Add(1)
	failed := make(chan error)
	go func() {
		// Never unlocked: the thread ends with this function, and its filter with it.
		runtime.LockOSThread()
		failed <- callUnderFilter(uint32(nr))
	}()
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	return int(nr)
}

func callUnderFilter(nr uint32) error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the number is at offset 0
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: nr},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_LOG},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog)), 0, 0); err != nil {
		return fmt.Errorf("load a filter: %w", err)
	}
	_, _, errno := unix.Syscall(uintptr(nr), 0, 0, 0)
	if errno != unix.ENOSYS {
		return fmt.Errorf("call %d: %w", nr, errno)
	}
	return nil
}

var lastLogin atomic.Int32

// NewLoginUID is a login uid of its own for one container: every process
// inherits it, also the runtime's and those that live for a moment, and every
// audit record carries it.
func NewLoginUID() int {
	return 1_000_000_000 + os.Getpid()%1_000_000*100 + int(lastLogin.Add(1))
}

// WithLoginUID starts args under the login uid.
func WithLoginUID(loginuid int, args ...string) []string {
	const script = `echo "$0" >/proc/self/loginuid && exec "$@"`
	return append([]string{"sh", "-c", script, strconv.Itoa(loginuid)}, args...)
}
