package hosttest

import "os"

// faults is set by `make test-faults`: what can go wrong is tried as often, and as long, as takes minutes.
const faults = "SCALLOP_TEST_FAULTS"

// Amount is brief in `make test`, and full in `make test-faults`.
func Amount[T any](brief, full T) T {
	if os.Getenv(faults) == "full" {
		return full
	}
	return brief
}
