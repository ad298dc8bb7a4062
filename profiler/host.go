package profiler

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// DescribeHost says where and how a recording is made.
func DescribeHost(r *Recorder, m cgroup.Mount) (recording.Host, error) {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return recording.Host{}, fmt.Errorf("asking for the kernel's release: %w", err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return recording.Host{}, fmt.Errorf("asking for scallop's capabilities: %w: is /proc mounted?", err)
	}
	return recording.Host{
		Kernel:       unix.ByteSliceToString(uts.Release[:]),
		Architecture: unix.ByteSliceToString(uts.Machine[:]),
		CPUs:         r.CPUs(),
		Probe:        r.Probe(),
		CgroupLayout: m.Layout,
		CgroupMount:  m.Path,
		Capabilities: EffectiveCapabilities(status),
	}, nil
}

// EffectiveCapabilities lists the capabilities in the text of /proc/PID/status,
// by name in the order of their numbers. Unknown ones are cap_N.
func EffectiveCapabilities(status []byte) []string { return capabilitySet(status, "CapEff") }

// BoundingCapabilities lists those that the process can ever have, as EffectiveCapabilities does.
func BoundingCapabilities(status []byte) []string { return capabilitySet(status, "CapBnd") }

func capabilitySet(status []byte, field string) []string {
	set, err := strconv.ParseUint(StatusField(status, field), 16, 64)
	if err != nil {
		return nil
	}
	var names []string
	for n := range 64 {
		if set&(1<<n) != 0 {
			names = append(names, capabilityName(n))
		}
	}
	return names
}

// StatusField reads a line of the text of /proc/PID/status, empty if there is none of that name.
func StatusField(status []byte, name string) string {
	for line := range bytes.Lines(status) {
		if key, value, ok := strings.Cut(string(line), ":"); ok && key == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// capabilityNames is include/uapi/linux/capability.h of Linux 5.10 to 7.2.
var capabilityNames = [...]string{
	"cap_chown", "cap_dac_override", "cap_dac_read_search", "cap_fowner",
	"cap_fsetid", "cap_kill", "cap_setgid", "cap_setuid", "cap_setpcap",
	"cap_linux_immutable", "cap_net_bind_service", "cap_net_broadcast",
	"cap_net_admin", "cap_net_raw", "cap_ipc_lock", "cap_ipc_owner",
	"cap_sys_module", "cap_sys_rawio", "cap_sys_chroot", "cap_sys_ptrace",
	"cap_sys_pacct", "cap_sys_admin", "cap_sys_boot", "cap_sys_nice",
	"cap_sys_resource", "cap_sys_time", "cap_sys_tty_config", "cap_mknod",
	"cap_lease", "cap_audit_write", "cap_audit_control", "cap_setfcap",
	"cap_mac_override", "cap_mac_admin", "cap_syslog", "cap_wake_alarm",
	"cap_block_suspend", "cap_audit_read", "cap_perfmon", "cap_bpf",
	"cap_checkpoint_restore",
}

// CapabilityNames are all that are known, as cap_chown.
func CapabilityNames() []string { return slices.Clone(capabilityNames[:]) }

func capabilityName(n int) string {
	if n < len(capabilityNames) {
		return capabilityNames[n]
	}
	return fmt.Sprintf("cap_%d", n)
}

// OOMKills is how many processes the kernel has killed for want of memory since
// boot, in any cgroup; 0 if it does not tell (before Linux 4.13).
func OOMKills() int {
	text, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "oom_kill "); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(value))
			return n
		}
	}
	return 0
}
