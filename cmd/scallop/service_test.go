package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/doctor"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// unitValues are all words that the unit gives to a setting.
func unitValues(t *testing.T, setting string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(hosttest.Repository(), "docs/scallop-record.service"))
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, setting+"="); ok {
			words = append(words, strings.Fields(value)...)
		}
	}
	return words
}

// TestServiceCapabilities: the unit has what record needs, but for what systemd does in its place: the limit of locked memory, and
// pins, which it has not.
func TestServiceCapabilities(t *testing.T) {
	var want []string
	for _, need := range doctor.Needs {
		if need.Command == "record" && !slices.Contains([]string{"cap_sys_resource", "cap_sys_admin", "cap_dac_read_search"}, need.Capability) {
			want = append(want, strings.ToUpper(need.Capability))
		}
	}
	got := unitValues(t, "CapabilityBoundingSet")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("CapabilityBoundingSet=%q, want %q", got, want)
	}
}

// TestServiceFilter: under the unit's filter, with its capabilities and no new privileges, scallop records, and nothing is denied to it.
func TestServiceFilter(t *testing.T) {
	t.Parallel()
	c, _ := inOwnCgroup(t, script...)
	p := newPlace(t)
	program, err := hosttest.Scallop(filepath.Dir(p.program))
	if err != nil {
		t.Fatal(err)
	}
	native, _ := syscalls.Native(runtime.GOARCH)
	names := append(unitValues(t, "SystemCallFilter"), "execve") // which systemd allows in any case
	profile, err := json.Marshal(map[string]any{
		"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": []string{syscalls.SeccompArch(native)},
		"syscalls": []any{map[string]any{"names": names, "action": "SCMP_ACT_ALLOW"}},
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(p.work, "profile.json"), profile, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.program = program
	var have []string
	for _, name := range unitValues(t, "CapabilityBoundingSet") {
		have = append(have, strings.ToLower(strings.TrimPrefix(name, "CAP_")))
	}
	if limitsLockedMemory(t) {
		have = append(have, "sys_resource") // in place of LimitMEMLOCK=
	}
	// verify runs with what the unit has, and so does what it starts.
	o := p.run(onlyCapabilities(t, have...), nil, "verify", "-q", "--no-new-privileges", "--name", p.workload, "profile.json", "--",
		program, "record", "-q", "--cgroup", c.Path, "--root", c.Path, "--duration", "500ms", "-o", "out")
	if o.code != exitOK {
		t.Errorf("exit code %d: %s%s", o.code, o.stdout, o.stderr)
	}
	files, err := filepath.Glob(filepath.Join(p.work, "out", "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err, o.stdout, o.stderr)
	}
	if r := recorded.Read(t, files[0]); !r.Complete || r.Workload.Leader.Exe == "" {
		t.Errorf("complete: %t, leader %+v", r.Complete, r.Workload.Leader)
	}
}
