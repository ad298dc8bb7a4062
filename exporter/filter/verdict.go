package filter

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter/policy"
)

// The kernel's SECCOMP_RET_ values (uapi/linux/seccomp.h).
var returns = map[specs.LinuxSeccompAction]uint32{
	specs.ActKillProcess: 0x80000000,
	specs.ActKill:        0x00000000,
	specs.ActKillThread:  0x00000000,
	specs.ActTrap:        0x00030000,
	specs.ActErrno:       0x00050000,
	specs.ActNotify:      0x7fc00000,
	specs.ActTrace:       0x7ff00000,
	specs.ActLog:         0x7ffc0000,
	specs.ActAllow:       retAllow,
}

const (
	retAllow  = 0x7fff0000
	retAction = 0xffff0000
)

// Return is what a program returns for the outcome.
func Return(o policy.Outcome) (uint32, error) {
	v, ok := returns[o.Action]
	if !ok {
		return 0, fmt.Errorf("the action %.64q has no value in the kernel: use one like SCMP_ACT_ERRNO", o.Action)
	}
	if o.Action == specs.ActErrno {
		return v | uint32(min(o.Errno, policy.MaxErrno)), nil
	}
	return v | uint32(o.Errno&0xffff), nil
}

// OutcomeOf is what the kernel does on a program's return value.
func OutcomeOf(ret uint32) policy.Outcome {
	for _, action := range []specs.LinuxSeccompAction{
		specs.ActAllow, specs.ActErrno, specs.ActKillProcess, specs.ActKillThread,
		specs.ActLog, specs.ActNotify, specs.ActTrace, specs.ActTrap,
	} {
		if returns[action] == ret&retAction {
			return policy.Outcome{Action: action, Errno: uint(ret &^ retAction)}
		}
	}
	return policy.Outcome{Action: specs.ActKillProcess} // the kernel, of values that it does not know
}
