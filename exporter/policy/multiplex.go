package policy

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// socketCalls are the first arguments of socketcall (include/uapi/linux/net.h).
var socketCalls = map[string]uint64{
	"socket": 1, "bind": 2, "connect": 3, "listen": 4, "accept": 5, "getsockname": 6, "getpeername": 7,
	"socketpair": 8, "send": 9, "recv": 10, "sendto": 11, "recvfrom": 12, "shutdown": 13, "setsockopt": 14,
	"getsockopt": 15, "sendmsg": 16, "recvmsg": 17, "accept4": 18, "recvmmsg": 19, "sendmmsg": 20,
}

// ipcCalls are the first arguments of ipc (include/uapi/linux/ipc.h).
var ipcCalls = map[string]uint64{
	"semop": 1, "semget": 2, "semctl": 3, "semtimedop": 4, "msgsnd": 11, "msgrcv": 12, "msgget": 13,
	"msgctl": 14, "shmat": 21, "shmdt": 22, "shmget": 23, "shmctl": 24,
}

// multiplexers are the ABIs in which libseccomp (2.5.4 and 2.6.1) sees to socketcall and ipc. ARM has them in
// its old ABI alone.
var multiplexers = []syscalls.ABI{
	syscalls.MIPS, syscalls.MIPSEL, syscalls.PPC, syscalls.PPC64, syscalls.PPC64LE, syscalls.S390X, syscalls.X86,
}

// multiplexed returns the number of the call behind which the named one is, and the argument 0 that selects it.
func multiplexed(abi syscalls.ABI, name string) (nr int, selector uint64, ok bool) {
	if !slices.Contains(multiplexers, abi) {
		return 0, 0, false
	}
	if selector, ok = socketCalls[name]; ok {
		nr, ok = syscalls.Number(abi, "socketcall")
		return nr, selector, ok
	}
	if selector, ok = ipcCalls[name]; ok {
		nr, ok = syscalls.Number(abi, "ipc")
	}
	return nr, selector, ok
}

// selected puts the selector in the place of the condition on argument 0, as libseccomp does. The call's own
// arguments are behind a pointer, so that the other conditions compare something else, too.
func selected(abi syscalls.ABI, set []Condition, selector uint64) []Condition {
	out := []Condition{{Index: 0, Op: specs.OpEqualTo, Mask: ArgMask(abi), Value: selector}}
	for _, c := range set {
		if c.Index != 0 {
			out = append(out, c)
		}
	}
	return out
}
