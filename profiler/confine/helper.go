package confine

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxRequest bounds what the helper reads: the kernel takes 6 MB of arguments and environment, and filters of 4,096
// instructions.
const maxRequest = 64 << 20

// Exec is the helper's life: it ends with the command's execve, or with an exit code for nobody, since scallop
// is told what failed. It returns only if it was not started by Prepare.
//
// What it can do before it has its request, it does: it may be moved into the workload's cgroup by then (launch.In).
//
// Only one thread gets the filter. From then on that thread makes no call but the execve: the Go
// runtime must not need one on it. So there is no garbage collection and no preemption by signal, and a failure is told
// by another thread, which has no filter. New threads are not made either (a clone fails while
// another thread is in its execve), which is why both wait without the scheduler.
func Exec() error {
	debug.SetGCPercent(-1)
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	for fd := requestFD; fd <= programFD; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
			return fmt.Errorf("%s is for scallop itself: use `scallop verify`", Command)
		}
	}
	restoreFiles()
	pid, status := os.Getpid(), os.NewFile(statusFD, "status")
	if _, err := status.Write([]byte{0}); err != nil {
		return fmt.Errorf("%s: %w: it is for scallop itself: use `scallop verify`", Command, err)
	}
	var r request
	if err := gob.NewDecoder(io.LimitReader(os.NewFile(requestFD, "request"), maxRequest)).Decode(&r); err != nil {
		return fmt.Errorf("%s: reading the request: %w: it is for scallop itself: use `scallop verify`", Command, err)
	}
	call, err := newExecve(&r)
	if err != nil {
		return err // Prepare has checked
	}
	var p progress
	go p.run(&r, call)
	failed := p.watch(pid)
	_ = gob.NewEncoder(status).Encode(failed)
	os.Exit(helperFailed)
	return nil
}

const helperFailed = 125

// restoreFiles gives the limit of open files back that Go raised for itself at its start. Only syscall.Exec
// knows what it was; it restores it also when its execve fails, as this one must.
func restoreFiles() { _ = syscall.Exec("", []string{""}, nil) }

// execve is a call with all its memory.
type execve struct {
	path      *byte
	args, env []*byte
	filter    unix.SockFprog
}

func newExecve(r *request) (*execve, error) {
	var c execve
	var errs [3]error
	c.path, errs[0] = syscall.BytePtrFromString(r.Path)
	c.args, errs[1] = syscall.SlicePtrFromStrings(r.Args)
	c.env, errs[2] = syscall.SlicePtrFromStrings(r.Env)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("the command %q: a NUL in it, its arguments or its environment: %w", r.Path, err)
	}
	if len(r.Args) == 0 {
		return nil, errors.New("a command without a name: give its arguments from the name on")
	}
	n := len(r.Program)
	if n > unix.BPF_MAXINSNS {
		return nil, fmt.Errorf("a filter of %d instructions: the kernel takes %d at most", n, unix.BPF_MAXINSNS)
	}
	if n > 0 {
		c.filter = unix.SockFprog{Len: uint16(n), Filter: &r.Program[0]}
	}
	return &c, nil
}

// progress is what the two threads know of each other.
type progress struct {
	thread atomic.Int32  // the one that gets the filter
	failed atomic.Uint64 // step and errno
}

var steps = [...]string{stepUser, stepFilter, stepExecve}

func (p *progress) fail(step int, errno syscall.Errno) {
	p.failed.Store(uint64(step+1)<<32 | uint64(errno))
}

// run has a thread of its own, to its end.
func (p *progress) run(r *request, c *execve) {
	runtime.LockOSThread()
	if errno := become(r.User, r.NoNewPrivs); errno != 0 {
		p.fail(0, errno)
		return
	}
	p.thread.Store(int32(unix.Gettid()))
	for range settling {
		rest() // threads that the scheduler is about to make are there then
	}
	p.start(r.Flags, c)
	for p.failed.Load() != 0 {
		// Every further call may be denied: the other thread ends the process.
	}
}

// start makes the two calls that matter, and nothing between them.
func (p *progress) start(flags uint, c *execve) {
	if c.filter.Len > 0 {
		_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(flags), uintptr(unsafe.Pointer(&c.filter)))
		if errno != 0 {
			p.fail(1, errno)
			return
		}
	}
	_, _, errno := unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(c.path)),
		uintptr(unsafe.Pointer(&c.args[0])), uintptr(unsafe.Pointer(&c.env[0])))
	p.fail(2, errno)
}

// settling is for how many rests the thread waits before it gets the filter.
const settling = 3

// rest sleeps for a millisecond, and the scheduler does not know.
func rest() {
	moment := unix.Timespec{Nsec: 1_000_000}
	_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&moment)), 0, 0)
}

// watch returns what failed, if anything does: the execve ends all threads.
func (p *progress) watch(pid int) *StepError {
	for {
		rest()
		if failed := p.failed.Load(); failed != 0 {
			return &StepError{Step: steps[failed>>32-1], Errno: syscall.Errno(uint32(failed))}
		}
		thread := p.thread.Load()
		if thread == 0 {
			continue
		}
		_, _, errno := unix.RawSyscall(unix.SYS_TGKILL, uintptr(pid), uintptr(thread), 0)
		if errno == unix.ESRCH {
			return &StepError{Step: stepExecve, Killed: true}
		}
	}
}
