package main

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// errnoName is what a call returned: ENOSYS, or the value if it is no errno.
func errnoName(returned int64) string {
	if returned < 0 && returned >= -4095 {
		if name := unix.ErrnoName(syscall.Errno(-returned)); name != "" {
			return name
		}
	}
	return fmt.Sprint(returned)
}

// actionWord is the short name of an action, the same as for what was seen: "errno", "kill_process".
func actionWord(action specs.LinuxSeccompAction) string {
	return strings.ToLower(strings.TrimPrefix(string(action), "SCMP_ACT_"))
}
