package status

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stopWait bounds how long a thread may take to stop: one that waits for a disk or a dead server does not.
const stopWait = time.Second

// maxFilters is the kernel's: MAX_INSNS_PER_PATH, with filters of one instruction and their penalty of 4.
const maxFilters = (1 << 15) / 5

// Filters reads the live filters of a thread that has some, as they were loaded, the first one first: PTRACE_SECCOMP_GET_FILTER. The thread is seized,
// stopped for the time it takes (a blocking call may be interrupted and restarted, see ptrace(2)), and let go; a thread
// that is traced already cannot be read. It needs CAP_SYS_ADMIN and CAP_SYS_PTRACE, a kernel with
// CONFIG_CHECKPOINT_RESTORE, and no filter on scallop itself.
func Filters(tid int) ([][]unix.SockFilter, error) {
	type answer struct {
		filters [][]unix.SockFilter
		err     error
	}
	read := make(chan answer, 1)
	go func() {
		// A tracer is a thread. This one is not unlocked, so it ends with its goroutine: whatever happened, the kernel detaches then.
		runtime.LockOSThread()
		filters, err := attached(tid)
		read <- answer{filters, err}
	}()
	a := <-read
	if a.err != nil {
		return nil, fmt.Errorf("reading the filters of thread %d: %w", tid, a.err)
	}
	return a.filters, nil
}

func attached(tid int) ([][]unix.SockFilter, error) {
	if err := unix.PtraceSeize(tid); err != nil {
		return nil, seizeError(err)
	}
	if err := unix.PtraceInterrupt(tid); err != nil {
		return nil, seizeError(err)
	}
	signal, err := awaitStop(tid)
	if err != nil {
		return nil, err
	}
	filters, err := filtersOf(tid)
	return filters, errors.Join(err, detach(tid, signal))
}

// awaitStop returns the signal that is to be given back at the end: the thread may stop to receive one before it stops for us.
func awaitStop(tid int) (signal int, err error) {
	for deadline := time.Now().Add(stopWait); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		var status unix.WaitStatus
		got, err := unix.Wait4(tid, &status, unix.WNOHANG|unix.WALL, nil)
		switch {
		case errors.Is(err, unix.EINTR) || err == nil && got == 0:
		case err != nil:
			return 0, err
		case status.Exited() || status.Signaled():
			return 0, ErrGone
		case status.Stopped() && uint32(status)>>16 == unix.PTRACE_EVENT_STOP:
			return 0, nil
		case status.Stopped():
			return int(status.StopSignal()), nil
		}
	}
	return 0, fmt.Errorf("it does not stop within %s: try again", stopWait)
}

func detach(tid, signal int) error {
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_DETACH, uintptr(tid), 0, uintptr(signal), 0, 0)
	if errno != 0 && errno != unix.ESRCH {
		return fmt.Errorf("letting it go: %w", errno)
	}
	return nil
}

// filtersOf a stopped thread. A filter's number counts from the first that was loaded.
func filtersOf(tid int) ([][]unix.SockFilter, error) {
	var list [][]unix.SockFilter
	for n := range maxFilters {
		size, errno := getFilter(tid, n, nil)
		if errno == unix.ENOENT {
			return list, nil
		}
		if errno != 0 {
			return nil, getError(errno)
		}
		program := make([]unix.SockFilter, size)
		if _, errno := getFilter(tid, n, program); errno != 0 {
			return nil, getError(errno)
		}
		list = append(list, program)
	}
	return list, nil
}

// getFilter returns the number of instructions, and copies them if there is room.
func getFilter(tid, n int, into []unix.SockFilter) (int, unix.Errno) {
	size, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SECCOMP_GET_FILTER, uintptr(tid), uintptr(n),
		uintptr(unsafe.Pointer(unsafe.SliceData(into))), 0, 0)
	return int(size), errno
}

func seizeError(err error) error {
	switch {
	case errors.Is(err, unix.ESRCH):
		return ErrGone
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("ptrace: %w: run as root with cap_sys_ptrace and cap_sys_admin; a thread that a debugger or strace holds, or a lockdown of ptrace (kernel.yama.ptrace_scope 3), refuses it to all", err)
	}
	return os.NewSyscallError("ptrace", err)
}

func getError(errno unix.Errno) error {
	switch errno {
	case unix.EACCES:
		return fmt.Errorf("PTRACE_SECCOMP_GET_FILTER: %w: it needs cap_sys_admin, and that scallop itself has no filter: run as root outside of containers", errno)
	case unix.EIO, unix.EINVAL:
		return fmt.Errorf("PTRACE_SECCOMP_GET_FILTER: %w: this kernel has no CONFIG_CHECKPOINT_RESTORE: leave --attach out", errno)
	case unix.EMEDIUMTYPE:
		return fmt.Errorf("PTRACE_SECCOMP_GET_FILTER: %w: the filter was not loaded as classic BPF: leave --attach out", errno)
	}
	return os.NewSyscallError("PTRACE_SECCOMP_GET_FILTER", errno)
}
