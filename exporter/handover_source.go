package exporter

import (
	"slices"
	"strings"
)

// sourceCall is known from reading the runtime's source; no measurement saw it.
type sourceCall struct {
	name   string
	source string // key of handoverSources
	// unsetOnly: part of the change of user and capabilities, which no_new_privs
	// puts before the filter.
	unsetOnly bool
}

func (c *sourceCall) text() string { return handoverSources[c.source] }

var handoverSources = map[string]string{
	"runc-go":     "the Go runtime of runc may make it at any time (runtime/os_linux.go, mem_linux.go): from source, not measured",
	"runc-clock":  "the Go runtime of runc reads the clock with it where the vDSO cannot (clock sources hpet, acpi_pm, xen): seen with runc 1.5.2 on Linux 5.10 in emulation",
	"runc-lookup": "runc's path lookup where openat2 or faccessat2 is missing (pathrs, golang.org/x/sys/unix): from source, not measured",
	"crun":        "crun 1.29 (container.c from apply_security_settings to execv, linux.c set_required_caps): from source, not measured",
	"crun-libc":   "crun 1.29, by way of its C library (eaccess, select, fdopendir, malloc): from source, not measured",
}

// sourceCalls lists them by family. A name that an ABI does not have is left out for
// that ABI, and so is one that a measurement covers.
//
// clone and clone3 are missing from runc on purpose. No version up to 1.5 loads
// its filter with TSYNC (patchbpf's filterFlags), so only the one thread that is
// locked to runc's init is filtered, and Go starts threads from another then.
var sourceCalls = map[string][]sourceCall{
	RuntimeRunc: slices.Concat(
		from("runc-go", `epoll_pwait futex gettid madvise mmap munmap nanosleep rt_sigaction rt_sigprocmask rt_sigreturn
			sched_yield sigaltstack tgkill`),
		from("runc-clock", "clock_gettime"),
		from("runc-lookup", "faccessat readlinkat"),
	),
	RuntimeCrun: slices.Concat(
		unsetOnly(from("crun", "capset prctl setresgid setresuid")),
		from("crun", `chdir close close_range execve fcntl fstatfs getcwd getdents64 openat openat2
			read rt_sigaction rt_sigprocmask statx write`),
		from("crun-libc", `brk faccessat faccessat2 fstat getegid geteuid getgid getuid lseek mmap munmap
			newfstatat pselect6 select`),
	),
}

func from(source, names string) []sourceCall {
	var calls []sourceCall
	for _, name := range strings.Fields(names) {
		calls = append(calls, sourceCall{name: name, source: source})
	}
	return calls
}

func unsetOnly(calls []sourceCall) []sourceCall {
	for i := range calls {
		calls[i].unsetOnly = true
	}
	return calls
}

// dispensable calls were measured, and are left out all the same: the runtime does without
// them, and they are not what a profile should give away for the start. runc 1.2.8, 1.3.6, 1.4.3 and 1.5.2 were
// seen to run and exec under exported profiles that answer ENOSYS, and EPERM, to all of them.
var dispensable = map[string]string{
	"fsopen":      "runc 1.2 and later opens a procfs of its own with it, and takes the mounted one if that fails",
	"fsconfig":    "goes with fsopen",
	"fsmount":     "goes with fsopen",
	"open_tree":   "runc 1.2 and later clones the mounted procfs with it, and takes the mounted one if that fails",
	"personality": "made only for a container that is configured with a personality",
}
