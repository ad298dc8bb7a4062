// Package container_test judges recordings of containers: Docker, containerd through
// its CRI plugin, and Podman start real servers, scallop records them from outside, and
// each engine runs them again under the exported profile.
package container_test

import (
	"flag"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// scallop is the program under test, built once.
var scallop string

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests wait for engines, and for servers to settle, more than they compute.
	flag.Set("test.parallel", "6")
	hosttest.MainWithScallop(m, &scallop)
}
