package main

import (
	"encoding/binary"
	"io"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// loopArg makes this program the measured child instead.
const loopArg = "loop"

// Kinds of children.
const (
	loopGetppid = "getppid" // a tight loop of one cheap system call
	loopPing    = "ping"    // writes a byte to its partner and reads one back
	loopPong    = "pong"    // the partner
	// loopFiltered is loopGetppid under a seccomp filter that allows all.
	loopFiltered = "filtered"
)

// order tells a child to run some bursts. It answers with the shortest one,
// in nanoseconds.
type order struct {
	Bursts, Iterations uint32
}

// The pipes between ping and pong.
const (
	partnerIn  = 3
	partnerOut = 4
)

// loopMain is the child: loop KIND CPU.
func loopMain(args []string) int {
	cpu, err := strconv.Atoi(args[1])
	if err != nil {
		return 2
	}
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return 3
	}
	switch args[0] {
	case loopGetppid:
		return obey(getppid)
	case loopFiltered:
		if err := allowAll(); err != nil {
			return 3
		}
		return obey(getppid)
	case loopPing:
		return obey(ping)
	case loopPong:
		return pong()
	}
	return 2
}

// allowAll loads a filter into this thread, which is the one that loops.
func allowAll() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	allow := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW}
	program := unix.SockFprog{Len: 1, Filter: &allow}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
}

// obey runs bursts as ordered until its standard input ends.
func obey(burst func(n uint32) bool) int {
	for {
		var o order
		if err := binary.Read(os.Stdin, binary.NativeEndian, &o); err != nil {
			if err == io.EOF {
				return 0
			}
			return 3
		}
		shortest := time.Duration(1<<63 - 1)
		for range o.Bursts {
			start := time.Now()
			if !burst(o.Iterations) {
				return 3
			}
			shortest = min(shortest, time.Since(start))
		}
		if err := binary.Write(os.Stdout, binary.NativeEndian, int64(shortest)); err != nil {
			return 3
		}
	}
}

func getppid(n uint32) bool {
	for range n {
		syscall.RawSyscall(syscall.SYS_GETPPID, 0, 0, 0)
	}
	return true
}

// ping makes two calls an iteration, its partner two more.
func ping(n uint32) bool {
	var b [1]byte
	for range n {
		if !rawIO(syscall.SYS_WRITE, partnerOut, &b) || !rawIO(syscall.SYS_READ, partnerIn, &b) {
			return false
		}
	}
	return true
}

func pong() int {
	var b [1]byte
	for rawIO(syscall.SYS_READ, partnerIn, &b) {
		if !rawIO(syscall.SYS_WRITE, partnerOut, &b) {
			break
		}
	}
	return 0
}
