package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/profiler"
)

// Need is one capability that a command needs, and why. Linux has cap_bpf and cap_perfmon since 5.8; scallop needs 5.10.
type Need struct {
	Command    string `json:"command"`
	Capability string `json:"capability"`
	When       string `json:"when"` // empty: always
	Kept       bool   `json:"kept"` // needed when everything is attached, too
	Reason     string `json:"reason"`
}

// When some needs hold.
const (
	whenNotOwner = "unless scallop's user owns its cgroup"
	whenUser     = "with --user"
	whenOldLimit = "up to Linux 5.10"
	whenRunning  = "for a leader that ran before, of another user or with more capabilities"
	whenPreempts = "where doctor's first self-test is of tracepoint (Linux 7.2)"
	whenAttached = "with --attach"
	whenStacks   = "with --stack, for processes of another user or with more capabilities, before cap_perfmon showed them (Linux 6.18 does)"
	whenLogged   = "for what filters allow and log"
	whenPinned   = "with --pin, if no bpffs is mounted"
	whenLost     = "with --resume, for workloads whose state is lost"
	whenGaining  = "without --no-new-privileges"
	whenNoPerf   = "on Linux 7.2, if tracefs is not mounted, or kernel.perf_event_paranoid is above 2 (as on Debian)"
)

// Reasons that several commands share.
const (
	toLoad   = "load BPF programs and maps"
	toAttach = "attach to tracepoints and read kernel memory in BPF"
	toLift   = "lift the limit of locked memory for BPF maps"
	toRead   = "miss no calls while it reads BPF maps"
	toOpen   = "open a perf event of a tracepoint"
	toEnter  = "look into closed cgroups, ask engines at their sockets, write below /run/scallop"
	toStart  = "make a cgroup and start the command in it; root needs it, too, where the folder is mode 0555"
	toKill   = "send the stop signal to another user's process, and before Linux 5.14 SIGKILL"
	toTell   = "tell their executables"
)

// Needs are the capabilities of every command that needs any, as tested on Linux
// 5.10, 6.1, 6.18 and 7.2 with exactly these. cap_sys_admin stands in for the first two.
var Needs = []Need{
	{"run", "cap_bpf", "", true, toLoad},
	{"run", "cap_perfmon", "", false, toAttach},
	{"run", "cap_dac_override", whenNotOwner, true, toStart},
	{"run", "cap_sys_resource", whenOldLimit, false, toLift},
	{"run", "cap_sys_nice", whenPreempts, true, toRead},
	{"run", "cap_sys_admin", whenNoPerf, false, toOpen},
	{"run", "cap_setuid", whenUser, false, "become the user"},
	{"run", "cap_setgid", whenUser, false, "take the user's groups"},
	{"run", "cap_kill", whenUser, true, toKill},
	{"record", "cap_bpf", "", true, toLoad},
	{"record", "cap_perfmon", "", false, toAttach},
	{"record", "cap_dac_override", whenNotOwner, true, toEnter},
	{"record", "cap_sys_ptrace", whenRunning, true, toTell},
	{"record", "cap_sys_admin", whenPinned, false, "mount it"},
	{"record", "cap_dac_read_search", whenLost, false, "find their cgroups"},
	{"record", "cap_sys_resource", whenOldLimit, false, toLift},
	{"record", "cap_sys_nice", whenPreempts, true, toRead},
	{"record", "cap_sys_admin", whenNoPerf, false, toOpen},
	{"hook", "cap_bpf", "", true, toLoad},
	{"hook", "cap_perfmon", "", true, toAttach},
	{"hook", "cap_sys_resource", whenOldLimit, true, toLift},
	{"hook", "cap_sys_nice", whenPreempts, true, toRead},
	{"hook", "cap_sys_admin", whenNoPerf, true, toOpen},
	{"denials", "cap_bpf", "", true, toLoad},
	{"denials", "cap_perfmon", "", true, toAttach},
	{"denials", "cap_dac_override", whenNotOwner, true, toEnter},
	{"denials", "cap_sys_ptrace", whenRunning, true, toTell},
	{"denials", "cap_sys_ptrace", whenStacks, true, "read where programs and libraries are in their memory"},
	{"denials", "cap_audit_read", whenLogged, true, "hear the kernel's audit records"},
	{"denials", "cap_sys_resource", whenOldLimit, true, toLift},
	{"denials", "cap_sys_nice", whenPreempts, true, toRead},
	{"denials", "cap_sys_admin", whenNoPerf, true, toOpen},
	{"verify", "cap_bpf", "", true, toLoad},
	{"verify", "cap_perfmon", "", true, toAttach},
	{"verify", "cap_dac_override", whenNotOwner, true, toStart},
	{"verify", "cap_sys_admin", whenGaining, true, "load a filter without no_new_privs"},
	{"verify", "cap_sys_resource", whenOldLimit, true, toLift},
	{"verify", "cap_sys_nice", whenPreempts, true, toRead},
	{"verify", "cap_sys_admin", whenNoPerf, true, toOpen},
	{"verify", "cap_setuid", whenUser, true, "become the user"},
	{"verify", "cap_setgid", whenUser, true, "take the user's groups"},
	{"verify", "cap_kill", whenUser, true, toKill},
	{"status", "cap_dac_override", whenNotOwner, true, "ask engines at their sockets, read the profiles that they name"},
	{"status", "cap_sys_ptrace", whenAttached, true, "stop a thread"},
	{"status", "cap_sys_admin", whenAttached, true, "read its filters"},
	{"doctor", "cap_bpf", "", true, "load, in the self-test"},
	{"doctor", "cap_perfmon", "", true, "attach, in the self-test"},
	{"doctor", "cap_dac_override", whenNotOwner, true, "make the self-test's cgroup"},
	{"doctor", "cap_sys_resource", whenOldLimit, true, "load, in the self-test"},
	{"doctor", "cap_sys_nice", whenPreempts, true, "miss no calls, in the self-test"},
	{"doctor", "cap_sys_admin", whenNoPerf, true, toOpen},
}

// Kept are the capabilities that a command still needs when everything is attached.
func Kept(command string) []string {
	var names []string
	for _, need := range Needs {
		if need.Command == command && need.Kept {
			names = append(names, need.Capability)
		}
	}
	return names
}

// judgeCapabilities leaves cap_dac_override and cap_sys_resource to the checks
// of what they are for.
func judgeCapabilities(f *Facts) Check {
	if missing := profiler.MissingToLoad(f.Capabilities); len(missing) > 0 {
		return fail("capabilities", "missing: "+strings.Join(missing, ", "),
			"run as root, or give scallop cap_bpf and cap_perfmon (setcap, or AmbientCapabilities= of a unit)")
	}
	if preempts(f) && !slices.Contains(f.Capabilities, "cap_sys_nice") {
		return warn("capabilities", "missing: cap_sys_nice", "add it, or calls may be missed while scallop reads its maps: they are counted as "+profiler.LossCallsMissed)
	}
	var missing []string
	for _, need := range Needs {
		if need.Command == "run" && need.When == whenUser && !slices.Contains(f.Capabilities, need.Capability) {
			missing = append(missing, need.Capability)
		}
	}
	if len(missing) > 0 {
		return warn("capabilities", "missing: "+strings.Join(missing, ", "), "add them for scallop run --user")
	}
	if !slices.Contains(f.Capabilities, "cap_bpf") {
		return ok("capabilities", "cap_sys_admin stands in for cap_bpf and cap_perfmon")
	}
	return ok("capabilities", fmt.Sprintf("cap_bpf, cap_perfmon, and for --user %s", "cap_setuid, cap_setgid, cap_kill"))
}

// preempts tells whether this kernel runs with preemption on what scallop would use elsewhere.
func preempts(f *Facts) bool {
	return len(f.SelfTests) > 0 && f.SelfTests[0].Probe == profiler.ProbePerf
}
