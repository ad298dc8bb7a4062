package container_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// denial is one audit record of the kernel's seccomp.
type denial struct {
	loginuid int
	pid      int
	nr       int
	comm     string
}

func (d denial) String() string {
	return fmt.Sprintf("%s by %s (pid %d)", callName(d.nr), d.comm, d.pid)
}

// denials reads the audit records of the whole host from the kernel's multicast
// group, which needs no audit daemon and works with auditing switched off. The
// kernel writes one for every call that a filter kills for or logs, but none for
// SCMP_ACT_ERRNO.
type denials struct {
	fd int

	mu      sync.Mutex
	records []denial
	lost    error
}

func watchDenials(t *testing.T) *denials {
	t.Helper()
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_AUDIT)
	if err != nil {
		hosttest.Lack(t, fmt.Sprintf("audit records in the kernel: %v", err))
	}
	group := &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1 << (unix.AUDIT_NLGRP_READLOG - 1)}
	if err := unix.Bind(fd, group); err != nil {
		unix.Close(fd)
		hosttest.Lack(t, fmt.Sprintf("CAP_AUDIT_READ: %v", err))
	}
	// Others on the host may have much denied at once.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20); err != nil {
		t.Fatal(err)
	}
	// The reader wakes up by itself, so that closing needs no trick.
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000}); err != nil {
		t.Fatal(err)
	}
	d := &denials{fd: fd}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		d.read(stop)
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
		unix.Close(fd)
	})
	d.requireLogged(t)
	return d
}

// requireLogged: an administrator may have switched these records off.
func (d *denials) requireLogged(t *testing.T) {
	t.Helper()
	const sysctl = "/proc/sys/kernel/seccomp/actions_logged"
	data, err := os.ReadFile(sysctl)
	if err != nil {
		hosttest.Lack(t, fmt.Sprintf("logged seccomp actions: %v", err))
	}
	for _, action := range []string{"kill_process", "log"} {
		if !slices.Contains(strings.Fields(string(data)), action) {
			hosttest.Lack(t, fmt.Sprintf("%s in %s", action, sysctl))
		}
	}
}

func (d *denials) read(stop <-chan struct{}) {
	buf := make([]byte, 1<<16)
	for {
		select {
		case <-stop:
			return
		default:
		}
		n, _, err := unix.Recvfrom(d.fd, buf, 0)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		case err != nil:
			d.mu.Lock()
			d.lost = err
			d.mu.Unlock()
		case n > unix.SizeofNlMsghdr && binary.NativeEndian.Uint16(buf[4:]) == unix.AUDIT_SECCOMP:
			d.add(string(buf[unix.SizeofNlMsghdr:n]))
		}
	}
}

func (d *denials) add(text string) {
	record := denial{
		loginuid: int(field(text, "auid")),
		pid:      int(field(text, "pid")),
		nr:       int(field(text, "syscall")),
	}
	if m := regexp.MustCompile(` comm=(\S+)`).FindStringSubmatch(text); m != nil {
		record.comm = m[1]
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records = append(d.records, record)
}

func field(text, name string) int64 {
	m := regexp.MustCompile(`\b` + name + `=(\d+)`).FindStringSubmatch(text)
	if m == nil {
		return -1
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// of returns the denials of all processes with the login uid, but for the first so many. It
// makes one denial of its own and waits for its record: that proves that the reader sees denials,
// and that it has seen all earlier ones.
func (d *denials) of(t *testing.T, loginuid, first int) []denial {
	t.Helper()
	nr := denyOneCall(t)
	for deadline := time.Now().Add(5 * time.Second); !d.saw(t, nr); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no audit record of a call that was denied on purpose: the watch is blind")
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.records), func(r denial) bool { return r.loginuid != loginuid })[first:]
}

func (d *denials) saw(t *testing.T, nr int) bool {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lost != nil {
		t.Fatalf("audit records were lost: %v", d.lost)
	}
	return slices.ContainsFunc(d.records, func(r denial) bool { return r.pid == os.Getpid() && r.nr == nr })
}

var lastControl atomic.Int32

// denyOneCall makes a call that a filter on its own thread logs, and returns its
// number, which no kernel has.
func denyOneCall(t *testing.T) int {
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

// newLoginuid is a login uid of its own for one container: every process
// inherits it, also the runtime's and those that live for a moment, and every
// audit record carries it.
func newLoginuid() int {
	return 1_000_000_000 + os.Getpid()%1_000_000*100 + int(lastLogin.Add(1))
}

// withLoginuid starts args under the login uid.
func withLoginuid(loginuid int, args ...string) []string {
	const script = `echo "$0" >/proc/self/loginuid && exec "$@"`
	return append([]string{"sh", "-c", script, strconv.Itoa(loginuid)}, args...)
}

func callName(nr int) string {
	if abi, ok := syscalls.Native(runtime.GOARCH); ok {
		if name, ok := syscalls.Name(abi, nr); ok {
			return name
		}
	}
	return fmt.Sprintf("call %d", nr)
}

// callNames are the distinct names of the denied calls, sorted.
func callNames(list []denial) []string {
	var names []string
	for _, d := range list {
		names = append(names, callName(d.nr))
	}
	slices.Sort(names)
	return slices.Compact(names)
}
