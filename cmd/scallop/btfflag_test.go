package main

import (
	"path/filepath"
	"testing"
)

// Where the kernel does not tell its types, every command that watches takes them from a file: what cmd/scallop/layout_test counts
// exactly, and denials, which has no iterator of tasks then.
func TestTypesFromFile(t *testing.T) {
	c, _ := inOwnCgroup(t, script...)
	p := newPlace(t)
	types := filepath.Join(filepath.Dir(p.work), "types")
	hidden := inMounts(t, "cp /sys/kernel/btf/vmlinux "+types+"; mount -t tmpfs none /sys/kernel/btf")
	for _, args := range [][]string{
		{"record", "-q", "--cgroup", c.Path, "--duration", "100ms"},
		{"denials", "-q", "--cgroup", c.Path, "--duration", "100ms"},
		{"verify", "-q", "docker-default", "--", "true"},
	} {
		newPlace(t).wantError(p.run(hidden, nil, args...), exitHost, "or give its types with --btf FILE")
		args = append([]string{args[0], "--btf", types}, args[1:]...)
		if o := p.run(hidden, nil, args...); o.code != exitOK || o.stderr != "" {
			t.Errorf("%q: exit code %d: %s", args, o.code, o.stderr)
		}
	}
}
