package confine

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// become makes the calling thread the user, and lets it load a filter all the same: its
// capabilities stay until the execve, which takes them from a user who is not root.
func become(user *syscall.Credential, noNewPrivs bool) syscall.Errno {
	if user != nil {
		if errno := changeIDs(user); errno != 0 {
			return errno
		}
	}
	if noNewPrivs {
		_, _, errno := unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
		return errno
	}
	return 0
}

// changeIDs calls the kernel and not package syscall, whose functions change all threads.
func changeIDs(user *syscall.Credential) syscall.Errno {
	var groups unsafe.Pointer
	if len(user.Groups) > 0 {
		groups = unsafe.Pointer(&user.Groups[0])
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(user.Groups)), uintptr(groups), 0); errno != 0 {
		return errno
	}
	gid, uid := uintptr(user.Gid), uintptr(user.Uid)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, gid, gid, gid); errno != 0 {
		return errno
	}
	if _, _, errno := unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uid, uid, uid); errno != 0 {
		return errno
	}
	return raiseAdmin()
}

// raiseAdmin makes CAP_SYS_ADMIN effective, if it is permitted: loading a filter asks for it.
func raiseAdmin() syscall.Errno {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if _, _, errno := unix.RawSyscall(unix.SYS_CAPGET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&data)), 0); errno != 0 {
		return errno
	}
	data[0].Effective |= data[0].Permitted & (1 << unix.CAP_SYS_ADMIN)
	_, _, errno := unix.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&data)), 0)
	return errno
}
