package severity

import (
	"fmt"
	"strings"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// listed is how many dangerous calls a summary names.
const listed = 4

// Summary is what a profile that allows names gives, in a line: "allows 61 of 385 x86_64 calls, 1
// dangerous (clone3); Docker's default allows 318". Names that the ABI does not have do not count.
func Summary(names []string, abi string) string {
	have := inABI(names, syscalls.ABI(abi))
	all, docker := 0, 0
	for _, e := range table().rows {
		if _, ok := syscalls.Number(syscalls.ABI(abi), e.Name); !ok {
			continue
		}
		all++
		if e.Docker.Allows(abi, policy.DockerCapabilities()) {
			docker++
		}
	}
	return fmt.Sprintf("allows %d of %d %s calls, %s; Docker's default allows %d", len(have), all, abi, danger(have), docker)
}

func danger(names []string) string {
	bad := Dangerous(names)
	if len(bad) == 0 {
		return "0 dangerous"
	}
	var first []string
	for _, e := range bad[:min(len(bad), listed)] {
		first = append(first, e.Name)
	}
	if rest := len(bad) - len(first); rest > 0 {
		first = append(first, fmt.Sprintf("%d more", rest))
	}
	return fmt.Sprintf("%d dangerous (%s)", len(bad), strings.Join(first, ", "))
}
