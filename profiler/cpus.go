package profiler

import (
	"fmt"

	"github.com/cilium/ebpf"
)

// possibleCPUs is the number of CPUs that the kernel could bring online: per-CPU maps have a value for each.
func possibleCPUs() (int, error) {
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return 0, fmt.Errorf("counting possible CPUs: %w: is /sys mounted? (mount -t sysfs none /sys)", err)
	}
	return cpus, nil
}
