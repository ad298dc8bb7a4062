// Package enforce_test judges exported profiles by what real servers do under
// them: it records a server with scallop, and has runc, Docker and Podman load the
// profile and lead the same server through the same life.
package enforce_test

import (
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// scallop is the program under test, built once.
var scallop string

func TestMain(m *testing.M) {
	hosttest.MainWithScallop(m, &scallop)
}
