package profiler

import (
	"os"
	"strings"
)

// LockdownPath is where a kernel tells its lockdown mode, if securityfs is mounted: see kernel_lockdown(7).
const LockdownPath = "/sys/kernel/security/lockdown"

// Confidentiality is the lockdown mode in which BPF programs may not read the kernel's memory.
const Confidentiality = "confidentiality"

// UnlockKernel is what to do about it.
const UnlockKernel = "boot without lockdown=confidentiality; integrity is fine"

// ParseLockdown returns the mode in brackets of "none [integrity] confidentiality"; empty if there is none.
func ParseLockdown(text string) string {
	_, rest, _ := strings.Cut(text, "[")
	mode, _, found := strings.Cut(rest, "]")
	if !found {
		return ""
	}
	return mode
}

// readingRefused tells whether the kernel's memory is closed to BPF programs: the kernel says so, or its verifier does not
// know the helper, which every kernel that is new enough has otherwise.
func readingRefused(err error, mode string) bool {
	return mode == Confidentiality || err != nil && strings.Contains(err.Error(), "bpf_probe_read_kernel")
}

func lockdownMode() string {
	text, err := os.ReadFile(LockdownPath)
	if err != nil {
		return ""
	}
	return ParseLockdown(string(text))
}
