package main

import (
	"testing"
	"time"
)

func TestGrowth(t *testing.T) {
	const mib = 1 << 20
	looks := func(n int, of func(i int) usage) (all []usage) {
		for i := range n {
			all = append(all, of(i))
		}
		return all
	}
	flat := usage{resident: 30 * mib, maps: 40 * mib, files: 40}
	for name, test := range map[string]struct {
		looks []usage
		want  int // things that grow
	}{
		"none":     {nil, 0},
		"flat":     {looks(20, func(int) usage { return flat }), 0},
		"too few":  {looks(7, func(i int) usage { return usage{resident: i * 100 * mib} }), 0},
		"warms up": {looks(20, func(i int) usage { return usage{resident: min(i, 4) * 10 * mib} }), 0},
		"a burst":  {looks(20, func(i int) usage { u := flat; u.resident += i / 19 * 500 * mib; return u }), 0},
		"a leak":   {looks(20, func(i int) usage { u := flat; u.resident += i * 2 * mib; return u }), 1},
		"all":      {looks(20, func(i int) usage { return usage{resident: i * 10 * mib, maps: i * mib, files: i * 10} }), 3},
	} {
		if got := growth(test.looks); len(got) != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestParseUsage(t *testing.T) {
	stat := []byte("12 (a) b) S 1 12 12 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 4242 0 0")
	if cpu, err := parseCPU(stat); err != nil || cpu != 2*time.Second {
		t.Errorf("%s, %v", cpu, err)
	}
	if _, err := parseCPU([]byte("12 (a) S 1")); err == nil {
		t.Error("a short one is read")
	}
	status := []byte("Name:\tVmRSS:\nVmHWM:\t   300 kB\nVmRSS:\t   200 kB\n")
	if n := kibibytes(status, "VmRSS"); n != 200 {
		t.Errorf("VmRSS %d", n)
	}
}

func TestFindings(t *testing.T) {
	r := &report{made: 3, calls: map[string]uint64{"a": 5, "b": 5}, recorded: map[string]uint64{"a": 5, "b": 4}, losses: map[string]uint64{"calls_recursion": 2, "calls_no_room": 0}, exit: 4}
	want := []string{
		"3 cgroups, 2 recordings", "1 recordings with a wrong number of calls", "2 lost: calls_recursion", "scallop's exit code is 4: ",
	}
	got := r.findings()
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
	if r := (&report{made: 1, calls: map[string]uint64{"a": 5}, recorded: map[string]uint64{"a": 5}}); len(r.findings()) > 0 {
		t.Errorf("%q", r.findings())
	}
}
