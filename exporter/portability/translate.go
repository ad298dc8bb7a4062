package portability

import (
	"fmt"
	"slices"

	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Recordable are the architectures that scallop records on: those that level arch covers if
// none are named.
func Recordable() []string { return []string{"aarch64", "x86_64"} }

// goarches are the ports of Go, for people who think of architectures by these names.
var goarches = []string{"386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x"}

// Architectures are the names that ParseArch takes for a host's native ABI, sorted.
func Architectures() []string {
	var list []string
	for _, goarch := range goarches {
		if abi, ok := syscalls.Native(goarch); ok {
			list = append(list, string(abi))
		}
	}
	slices.Sort(list)
	return list
}

// ParseArch returns the native ABI by its own name or by Go's: aarch64 for arm64.
func ParseArch(name string) (string, error) {
	if slices.Contains(Architectures(), name) {
		return name, nil
	}
	if abi, ok := syscalls.Native(name); ok && slices.Contains(goarches, name) {
		return string(abi), nil
	}
	return "", fmt.Errorf("architecture %q is not known: use e.g. x86_64 or aarch64", recording.CleanString(name))
}

// Unmapped returns those of names that the ABI does not have and that nothing there
// stands for, sorted: what the workload did with them cannot be told without a recording there.
func Unmapped(names []string, abi string) []string {
	var list []string
	for _, name := range names {
		if len(having([]string{abi}, name, "")) == 0 && !mapped(name, abi) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// mapped follows only what stands in place of a call, not what goes with it.
func mapped(name, abi string) bool {
	seen := map[string]bool{name: true}
	for queue := []string{name}; len(queue) > 0; queue = queue[1:] {
		for _, e := range siblings()[queue[0]] {
			switch {
			case e.relation == notNeeded:
				return true
			case e.relation != same && e.relation != instead || seen[e.to]:
				continue
			case len(having([]string{abi}, e.to, e.abi)) > 0:
				return true
			}
			seen[e.to] = true
			queue = append(queue, e.to)
		}
	}
	return false
}
