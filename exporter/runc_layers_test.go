//go:build linux

package exporter_test

import (
	"bytes"
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/layers"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// TestRuncTakesLayeredProfiles: runc and libseccomp load a profile on, and within, each default
// profile, and the workload runs under it; what it never made is denied, though the default
// allows it.
func TestRuncTakesLayeredProfiles(t *testing.T) {
	// mkdir is not among them; clone is, and Docker's default lets it make no namespaces.
	calls := busyboxCalls + " clone wait4 vfork fork setpgid getppid getpgrp getcwd access dup2"
	for _, name := range policy.Defaults() {
		t.Run(name, func(t *testing.T) {
			profile := layered(t, profileOf(t, calls, exporter.Options{Runtime: family(), Portability: "none"}), name)
			b := newBundle(t, profile, "/bin/busybox", "sh", "-c", "grep Seccomp: /proc/self/status; busybox mkdir /tmp/x; busybox unshare -U true; echo end")
			out, err := b.runcCmd(t, "run", b.id)
			if err != nil || !strings.Contains(out, "\nend") || !strings.Contains(out, "\t2\n") {
				t.Fatalf("%v: %s", err, out)
			}
			for _, denied := range []string{"can't create directory '/tmp/x': Function not implemented", "unshare: unshare(0x10000000): Function not implemented"} {
				if !strings.Contains(out, denied) {
					t.Errorf("%q is missing in: %s", denied, out)
				}
			}
		})
	}
}

// layered puts an OCI profile on a default one, keeps it within, and decides its conditions for
// a container without capabilities.
func layered(t *testing.T, oci []byte, name string) []byte {
	t.Helper()
	local, err := policy.Parse(bytes.NewReader(oci))
	must(t, err)
	standard, err := policy.Default(name)
	must(t, err)
	layer := layers.Layer{Name: name, Policy: standard}
	local, _, err = layers.OnBase(local, layer, true)
	must(t, err)
	local, report, err := layers.Within(local, layer)
	must(t, err)
	if len(report.Local) > 0 {
		t.Fatalf("%s does not allow %v", name, report.Local)
	}
	native, _ := syscalls.Native(runtime.GOARCH)
	var spec *specs.LinuxSeccomp
	spec, err = local.Load(policy.Host{Architecture: native, Kernel: "6.1.0"})
	must(t, err)
	data, err := json.Marshal(spec)
	must(t, err)
	return data
}
