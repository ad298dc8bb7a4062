package audit

import (
	"strconv"

	"github.com/scallop-sec/scallop/profiler/denials/report"
)

// actionMask is SECCOMP_RET_ACTION_FULL (uapi/linux/seccomp.h): the kernel logs the action without
// its data, so that an errno is not known.
const actionMask = 0xffff0000

// actions are those of SECCOMP_RET_….
var actions = map[uint64]string{
	0x80000000: report.KillProcess,
	0x00000000: report.KillThread,
	0x00030000: report.Trap,
	0x00050000: report.Errno,
	0x7fc00000: report.Notify,
	0x7ff00000: report.Trace,
	0x7ffc0000: report.Log,
}

// actionOf reads the record's code. A record without one is of Linux before 3.5, which logged kills only.
func actionOf(code string) (string, bool) {
	if code == "" {
		return report.Kill, true
	}
	n, err := strconv.ParseUint(code, 0, 32)
	if err != nil {
		return "", false
	}
	action, ok := actions[n&actionMask]
	return action, ok
}
