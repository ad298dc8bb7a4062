package main

import (
	"errors"
	"maps"
	"strings"
	"testing"
)

func TestParseTrace(t *testing.T) {
	for _, tc := range []struct {
		name, trace string
		want        handoverCounts
		err         error
	}{
		{"no filter", `[  59] execve("/usr/sbin/runc", ["runc"], 0x7ffe /* 1 vars */) = 0
[   3] close(3) = 0
`, nil, nil},
		{"a start", `[  59] execve("/proc/self/fd/6", ["runc", "init"], 0xc0 /* 6 vars */) = 0
[ 317] seccomp(SECCOMP_SET_MODE_STRICT, 0x1, NULL) = -1 EINVAL (Invalid argument)
[ 317] seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, NULL) = -1 EFAULT (Bad address)
[ 157] prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) = 0
[ 317] seccomp(SECCOMP_SET_MODE_FILTER, 0, {len=12, filter=0x7f2c}) = 0
[   3] close(3)                   = 0
--- SIGURG {si_signo=SIGURG, si_code=SI_TKILL, si_pid=1, si_uid=0} ---
[  15] rt_sigreturn({mask=[]})     = 7
[   3] close(4)                   = -1 EBADF (Bad file descriptor)
[  59] execve("/sbin/true", ["true"], 0xc0 /* 1 vars */) = -1 ENOENT (No such file or directory)
[  59] execve("/bin/true", ["true"], 0xc0 /* 1 vars */) = 0
[  12] brk(NULL)                  = 0x1000
`, handoverCounts{3: 2, 15: 1, 59: 2}, nil},
		{"by prctl, from a thread that is not the first", `[ 157] prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, {len=12, filter=0x7f2c}) = 0
[ 202] futex(0xc000, FUTEX_WAKE_PRIVATE, 1) = 1
[  59] execve("/bin/true", ["true"], 0xc0 /* 1 vars */ <pid changed to 42 ...>
`, handoverCounts{59: 1, 202: 1}, nil},
		{"a filter with a listener is a file descriptor", `[ 317] seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, {len=12, filter=0x7f2c}) = 7
[  59] execve("/bin/true", ["true"], 0xc0 /* 1 vars */) = 0
`, handoverCounts{59: 1}, nil},
		{"a second filter is a call under the first", `[ 317] seccomp(SECCOMP_SET_MODE_FILTER, 0, {len=12, filter=0x7f2c}) = 0
[   3] close(3) = 0
[ 317] seccomp(SECCOMP_SET_MODE_FILTER, 0, {len=9, filter=0x7f2c}) = 0
[  59] execve("/bin/true", ["true"], 0xc0 /* 1 vars */) = 0
`, handoverCounts{3: 1, 59: 1, 317: 1}, nil},
		{"a start that failed", `[ 317] seccomp(SECCOMP_SET_MODE_FILTER, 0, {len=12, filter=0x7f2c}) = 0
[   1] write(2, "no such file", 12) = 12
[ 231] exit_group(1)              = ?
+++ exited with 1 +++
`, nil, errNoExec},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parseTrace(strings.NewReader(tc.trace))
			if !errors.Is(err, tc.err) || !maps.Equal(got, tc.want) {
				t.Errorf("got %v, %v; want %v, %v", got, err, tc.want, tc.err)
			}
		})
	}
}

func TestCheckOracle(t *testing.T) {
	traced := handoverCounts{3: 2, 59: 1}
	if err := checkOracle(handoverCounts{3: 2, 59: 1, 202: 9}, traced); err != nil {
		t.Error(err)
	}
	for _, recorded := range []handoverCounts{{3: 2}, {3: 1, 59: 1}} {
		if err := checkOracle(recorded, traced); err == nil {
			t.Errorf("%v passed", recorded)
		}
	}
}
