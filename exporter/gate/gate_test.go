package gate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// counts are calls by phase, as "name" or "abi/name".
type counts map[string]map[string]uint64

// rec makes a recording number id of a workload.
func rec(t testing.TB, id int, name string, c counts) *recording.Recording {
	t.Helper()
	r := &recording.Recording{
		APIVersion: recording.APIVersion, Kind: recording.Kind, ID: fmt.Sprintf("%032x", id), Tool: "test", Complete: true,
		StartedAt: time.Date(2026, 11, 20, 9, 0, id, 0, time.UTC), DurationNs: 1000,
		Workload: recording.Workload{Name: name, Kind: recording.KindCommand, Leader: recording.Leader{PID: 10, End: "exited with code 0"}},
		Host:     recording.Host{Kernel: "6.12.0", Architecture: "x86_64", CPUs: 1},
		Losses:   map[string]uint64{"calls_no_room": 0},
	}
	rows := map[callKey]*recording.Syscall{}
	for _, phase := range inLifeOrder(keys(c)) {
		if phase != recording.PhaseSetup && phase != recording.PhaseHandover {
			r.Phases = append(r.Phases, recording.Phase{Name: phase, EndNs: 1000, Trigger: recording.Trigger{Kind: "exec"}})
		}
		for call, n := range c[phase] {
			addRow(t, rows, phase, call, n)
		}
	}
	for _, row := range rows {
		r.Syscalls = append(r.Syscalls, *row)
	}
	recording.Rank(r.Syscalls)
	if err := recording.Validate(r); err != nil {
		t.Fatal(err)
	}
	return r
}

func addRow(t testing.TB, rows map[callKey]*recording.Syscall, phase, call string, n uint64) {
	t.Helper()
	abi, name, ok := strings.Cut(call, "/")
	if !ok {
		abi, name = "x86_64", call
	}
	nr, ok := syscalls.Number(syscalls.ABI(abi), name)
	if !ok {
		t.Fatalf("%s has no %s", abi, name)
	}
	key := callKey{abi, nr}
	if rows[key] == nil {
		rows[key] = &recording.Syscall{ABI: abi, Nr: nr, Name: name, Phases: map[string]recording.PhaseCount{}}
	}
	rows[key].Total += n
	rows[key].Phases[phase] = recording.PhaseCount{Count: n, LastSeenNs: 900, First: recording.FirstCall{
		OffsetNs: int64(nr), Comm: "web", Exe: "/usr/bin/web", PID: 10, TID: 10,
	}}
}

func keys[V any](m map[string]V) []string {
	var list []string
	for key := range m {
		list = append(list, key)
	}
	return list
}

// evidence of recordings, named 0.json, 1.json and so on.
func evidence(t testing.TB, recs ...*recording.Recording) *Evidence {
	t.Helper()
	e := NewEvidence()
	for i, r := range recs {
		if err := e.Add(fmt.Sprintf("%d.json", i), r); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

// filter reads a profile for the hosts of the evidence.
func filter(t testing.TB, e *Evidence, text string) *Filter {
	t.Helper()
	p, err := policy.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var c *Container
	if e != nil {
		c = &Container{Capabilities: policy.DockerCapabilities(), Kernels: e.Kernels()}
	}
	f, err := FilterOfPolicy("p.json", p, c)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// allowing is an OCI profile that allows these.
func allowing(names ...string) string {
	return `{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
		{"names": ["` + strings.Join(names, `", "`) + `"], "action": "SCMP_ACT_ALLOW"}]}`
}

// found lists findings as "level kind subject".
func found(r *Result) string {
	var list []string
	for _, f := range r.Findings {
		list = append(list, fmt.Sprintf("%s %s %s", f.Level, f.Kind, f.Subject))
	}
	return strings.Join(list, "; ")
}

func check(t testing.TB, f *Filter, e *Evidence, opts Options) *Result {
	t.Helper()
	r, err := Check(f, e, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func exported(t testing.TB, e *Evidence, opts exporter.Options) string {
	t.Helper()
	p, err := e.Exported(opts)
	if err != nil {
		t.Fatal(err)
	}
	data, err := exporter.Docker(p, exporter.RenderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
