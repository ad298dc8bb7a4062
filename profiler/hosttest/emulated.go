package hosttest

import "os"

// emulated is set in guests of cmd/kernels, whose CPUs are emulated in software.
const emulated = "SCALLOP_TEST_EMULATED"

// Times is how often to repeat something: n, and in emulation, which is 10 to 50 times slower, a twentieth.
func Times(n int) int {
	if os.Getenv(emulated) == "" {
		return n
	}
	return max(n/20, 1)
}
