package exporter

import (
	"fmt"
	"slices"
	"strings"
)

// Names of the runtimes that Options.Runtime takes.
const (
	RuntimeRunc = "runc"
	RuntimeCrun = "crun"
	RuntimeNone = "none"
)

// handoverCall is one call that a runtime makes in the container's process
// after it has loaded the filter and before the workload's execve.
type handoverCall struct {
	name   string
	source string // key of handoverSources
}

// handoverSources says where the calls are known from. All hold for
// no_new_privs unset, when the filter is loaded before the change of user and
// capabilities; with it set, runc and crun load it later and need fewer calls.
//
// runc was measured with `strace -f` as root on Linux 6.18, x86_64, from
// prctl(PR_SET_SECCOMP) to execve, in 29 starts: `run` as root (5) and as another
// user with further groups (5), both again with no_new_privs (10), `create` and
// `start` (3), `exec` as root (3) and as another user (3).
var handoverSources = map[string]string{
	"runc-measured": "runc 1.1.5 (Debian 12), measured with strace over 29 starts",
	"runc-go":       "the Go runtime of runc 1.1.5, measured in the same starts on its other threads",
	"runc-go-src":   "the Go runtime of runc may make it at any time (runtime/os_linux.go, mem_linux.go): from source, not measured",
	"runc-exec-src": "syscall.Exec of Go 1.19 and later restores the file limit with it: from source, not measured",
	"runc-new":      "runc 1.2 to 1.5 (standard_init_linux.go, utils.CloseExecFrom, pathrs): from source, not measured",
	"crun-src":      "crun 1.29 (container.c from apply_security_settings to execv, linux.c set_required_caps): from source, not measured",
	"crun-libc-src": "crun 1.29, by way of its C library (eaccess, select, fdopendir, malloc): from source, not measured",
}

// handover lists the calls by runtime. A name that an ABI does not have is left
// out for that ABI.
//
// clone and clone3 are missing from runc on purpose. No version up to 1.5 loads
// its filter with TSYNC (patchbpf's filterFlags), so only the one thread that is
// locked to runc's init is filtered, and Go starts threads from another then.
// So are fsopen, fsconfig, fsmount and open_tree: pathrs takes the mounted /proc if they fail.
var handover = map[string][]handoverCall{
	RuntimeNone: nil,
	RuntimeRunc: slices.Concat(
		from("runc-measured", `capget capset chdir close epoll_ctl execve faccessat2 fchown fcntl fstat fstatfs
			futex getcwd getdents64 getpid getppid newfstatat openat prctl read rt_sigreturn
			setgid setgroups setuid write`),
		from("runc-go", "epoll_pwait nanosleep sched_yield tgkill"),
		from("runc-go-src", "gettid madvise mmap munmap rt_sigaction rt_sigprocmask sigaltstack"),
		from("runc-exec-src", "prlimit64"),
		from("runc-new", "close_range faccessat openat2 readlinkat statx"),
	),
	RuntimeCrun: slices.Concat(
		from("crun-src", `capset chdir close close_range execve fcntl fstatfs getcwd getdents64 openat openat2
			prctl read rt_sigaction rt_sigprocmask setresgid setresuid statx write`),
		from("crun-libc-src", `brk faccessat faccessat2 fstat getegid geteuid getgid getuid lseek mmap munmap
			newfstatat pselect6 select`),
	),
}

func from(source, names string) []handoverCall {
	var calls []handoverCall
	for _, name := range strings.Fields(names) {
		calls = append(calls, handoverCall{name, source})
	}
	return calls
}

// Runtimes are the names that Options.Runtime takes, sorted.
func Runtimes() []string {
	return []string{RuntimeCrun, RuntimeNone, RuntimeRunc}
}

func checkRuntime(name string) error {
	if _, ok := handover[name]; !ok {
		return fmt.Errorf("runtime %q is not known: use one of %s", name, strings.Join(Runtimes(), ", "))
	}
	return nil
}
