package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/profiler"
)

// Need is one capability that a command needs, and why.
type Need struct {
	Command    string `json:"command"`
	Capability string `json:"capability"`
	When       string `json:"when"` // empty: always
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
	whenPinned   = "with --pin, if no bpffs is mounted"
)

// Needs are the capabilities of every command that needs any, as tested on Linux
// 6.18 with exactly these. cap_sys_admin stands in for the first two.
var Needs = []Need{
	{"run", "cap_bpf", "", "load BPF programs and maps"},
	{"run", "cap_perfmon", "", "attach to tracepoints and read kernel memory in BPF"},
	{"run", "cap_dac_override", whenNotOwner, "make a cgroup and start the command in it; root needs it, too, where the folder is mode 0555"},
	{"run", "cap_sys_resource", whenOldLimit, "lift the limit of locked memory for BPF maps"},
	{"run", "cap_sys_nice", whenPreempts, "miss no calls while it reads BPF maps"},
	{"run", "cap_setuid", whenUser, "become the user"},
	{"run", "cap_setgid", whenUser, "take the user's groups"},
	{"run", "cap_kill", whenUser, "send the stop signal to another user's process"},
	{"record", "cap_bpf", "", "load BPF programs and maps"},
	{"record", "cap_perfmon", "", "attach to tracepoints and read kernel memory in BPF"},
	{"record", "cap_dac_override", whenNotOwner, "look into closed cgroups, ask engines at their sockets, write below /run/scallop"},
	{"record", "cap_sys_ptrace", whenRunning, "tell its executable"},
	{"record", "cap_sys_admin", whenPinned, "mount it"},
	{"record", "cap_sys_resource", whenOldLimit, "lift the limit of locked memory for BPF maps"},
	{"record", "cap_sys_nice", whenPreempts, "miss no calls while it reads BPF maps"},
	{"hook", "cap_bpf", "", "load BPF programs and maps"},
	{"hook", "cap_perfmon", "", "attach to tracepoints and read kernel memory in BPF"},
	{"status", "cap_dac_override", whenNotOwner, "ask engines at their sockets, read the profiles that they name"},
	{"status", "cap_sys_ptrace", whenAttached, "stop a thread"},
	{"status", "cap_sys_admin", whenAttached, "read its filters"},
	{"doctor", "cap_bpf", "", "load, in the self-test"},
	{"doctor", "cap_perfmon", "", "attach, in the self-test"},
	{"doctor", "cap_dac_override", whenNotOwner, "make the self-test's cgroup"},
	{"doctor", "cap_sys_resource", whenOldLimit, "load, in the self-test"},
}

// judgeCapabilities leaves cap_dac_override and cap_sys_resource to the checks
// of what they are for.
func judgeCapabilities(f *Facts) Check {
	if missing := profiler.MissingToLoad(f.Capabilities); len(missing) > 0 {
		return fail("capabilities", "missing: "+strings.Join(missing, ", "),
			"run as root, or give scallop cap_bpf and cap_perfmon (setcap, or AmbientCapabilities= of a unit)")
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
