// Package privilege gives up what scallop no longer needs, once everything is attached.
package privilege

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
)

// Limit sets no_new_privs, and drops all capabilities but those that are to be kept, of which it has some or all: on every
// thread, for good.
//
// In a program with cgo, whose threads Go does not know all, the error is errors.ErrUnsupported and nothing has changed.
func Limit(keep []string) error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return fmt.Errorf("asking for scallop's capabilities: %w: is /proc mounted?", err)
	}
	if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); errno != 0 {
		return unsupported("setting no_new_privs", errno)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := setOf(profiler.EffectiveCapabilities(status), keep)
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0); errno != 0 {
		return unsupported("dropping capabilities", errno)
	}
	return nil
}

func unsupported(doing string, errno syscall.Errno) error {
	if errno == unix.ENOTSUP {
		return fmt.Errorf("%s: %w", doing, errors.ErrUnsupported)
	}
	return fmt.Errorf("%s: %w: is it refused by a seccomp filter?", doing, errno)
}

// setOf is what there is of the capabilities to keep: permitted and effective, and to be inherited by nobody. Where there is no cap_bpf,
// cap_sys_admin stands in for it.
func setOf(have, keep []string) [2]unix.CapUserData {
	if slices.Contains(keep, "cap_bpf") && !slices.Contains(have, "cap_bpf") {
		keep = append(slices.Clone(keep), "cap_sys_admin")
	}
	var data [2]unix.CapUserData
	for n, name := range profiler.CapabilityNames() {
		if slices.Contains(keep, name) && slices.Contains(have, name) {
			data[n/32].Effective |= 1 << (n % 32)
			data[n/32].Permitted |= 1 << (n % 32)
		}
	}
	return data
}
