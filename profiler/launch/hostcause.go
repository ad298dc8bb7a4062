package launch

import (
	"errors"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// hostCause is the next step if the host, and not the command, is why the start
// failed; empty otherwise. Go does not tell which call it was that failed: clone3,
// one that becomes the user, or execve.
func hostCause(opts Options, err error) string {
	switch {
	case errors.Is(err, syscall.ENOSYS):
		return "clone3(2) is missing or refused by a seccomp filter: run scallop outside the container, on Linux 5.10 or later"
	case errors.Is(err, syscall.EAGAIN):
		return "a limit of processes is reached: raise pids.max of scallop's cgroup, or ulimit -u"
	case errors.Is(err, syscall.EBUSY), errors.Is(err, syscall.EOPNOTSUPP):
		return "scallop's own cgroup takes no other below it: start scallop in another one"
	case errors.Is(err, syscall.EPERM) && opts.User != nil:
		return "--user needs cap_setuid and cap_setgid: run as root"
	case errors.Is(err, syscall.EACCES) && !mayMove(opts):
		return "run as root with cap_dac_override, or start scallop in a cgroup that belongs to its user"
	}
	return ""
}

// mayMove tells whether scallop may put a child into the cgroup: it must be able
// to write to cgroup.procs of the parent, too (cgroup-v2.rst, "Delegation Containment").
func mayMove(opts Options) bool {
	procs := filepath.Join(filepath.Dir(opts.Cgroup.Dir()), "cgroup.procs")
	return unix.Faccessat(unix.AT_FDCWD, procs, unix.W_OK, unix.AT_EACCESS) == nil
}
