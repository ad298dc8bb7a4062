package main

import (
	"syscall"
	"unsafe"
)

// rawIO reads or writes one byte, past Go's scheduler: nothing else runs here.
func rawIO(nr uintptr, fd uintptr, b *[1]byte) bool {
	for {
		n, _, errno := syscall.RawSyscall(nr, fd, uintptr(unsafe.Pointer(b)), 1)
		if errno != syscall.EINTR {
			return n == 1 && errno == 0
		}
	}
}
