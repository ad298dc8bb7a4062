package profiler

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cilium/ebpf"
)

// BTFPath is where a kernel describes its own types.
const BTFPath = "/sys/kernel/btf/vmlinux"

// loadError adds the next step to what the kernel or the library said.
func loadError(err error) error {
	var verifier *ebpf.VerifierError
	switch {
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("loading BPF programs: %w: run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_RESOURCE (Linux 5.10: CAP_SYS_ADMIN); `scallop doctor` tells what is missing", os.ErrPermission)
	case !exists(BTFPath):
		return fmt.Errorf("loading BPF programs: %s is missing: scallop needs Linux 5.10 or later built with CONFIG_DEBUG_INFO_BTF=y", BTFPath)
	case errors.As(err, &verifier):
		return fmt.Errorf("loading BPF programs: the kernel's verifier refused one: %s: please report it with the output of `scallop doctor`", firstLine(err))
	default:
		return fmt.Errorf("loading BPF programs: %s: `scallop doctor` tells what this host lacks", firstLine(err))
	}
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
