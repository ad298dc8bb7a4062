package profiler

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// aboveAll keeps ordinary tasks from taking this thread's CPU, until the returned function is called: for some
// microseconds. Without cap_sys_nice it does nothing.
func aboveAll() (restore func()) {
	runtime.LockOSThread()
	before, err := unix.SchedGetAttr(0, 0)
	if err != nil || before.Policy != unix.SCHED_NORMAL {
		return runtime.UnlockOSThread
	}
	fifo := unix.SchedAttr{Policy: unix.SCHED_FIFO, Priority: 1, Flags: unix.SCHED_FLAG_RESET_ON_FORK}
	if unix.SchedSetAttr(0, &fifo, 0) != nil {
		return runtime.UnlockOSThread
	}
	return func() {
		_ = unix.SchedSetAttr(0, before, 0) // down again is always allowed
		runtime.UnlockOSThread()
	}
}
