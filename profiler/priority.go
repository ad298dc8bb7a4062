package profiler

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// aboveAll keeps ordinary tasks from taking this thread's CPU, until restore is called: for some microseconds. After an error,
// which is that cap_sys_nice is missing, it does not; restore is to be called all the same.
func aboveAll() (restore func(), err error) {
	runtime.LockOSThread()
	before, err := unix.SchedGetAttr(0, 0)
	if err != nil || before.Policy != unix.SCHED_NORMAL {
		return runtime.UnlockOSThread, err
	}
	fifo := unix.SchedAttr{Policy: unix.SCHED_FIFO, Priority: 1, Flags: unix.SCHED_FLAG_RESET_ON_FORK}
	if err := unix.SchedSetAttr(0, &fifo, 0); err != nil {
		return runtime.UnlockOSThread, err
	}
	return func() {
		_ = unix.SchedSetAttr(0, before, 0) // down again is always allowed
		runtime.UnlockOSThread()
	}, nil
}
