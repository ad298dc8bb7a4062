package exporter

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"pgregory.net/rapid"
)

func entry(t *testing.T, p *Profile, name string) *Entry {
	t.Helper()
	for i := range p.Entries {
		if p.Entries[i].Name == name {
			return &p.Entries[i]
		}
	}
	t.Fatalf("%s is not in the profile", name)
	return nil
}

func rulesOf(t *testing.T, p *Profile, opts RenderOptions, name string) []*seccomp.Syscall {
	t.Helper()
	data, err := Docker(p, opts)
	if err != nil {
		t.Fatal(err)
	}
	var got seccomp.Seccomp
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(got.Syscalls, func(r *seccomp.Syscall) bool { return !slices.Contains(r.Names, name) })
}

// TestForkBecomesClone: only without namespaces, unless clone was seen or the runtime needs it.
func TestForkBecomesClone(t *testing.T) {
	steady := Options{Phases: []string{"steady"}}
	p := build(t, steady, record(t, "w", counts{"steady": {"fork": 1}}))
	if e := entry(t, p, "clone"); e.Condition == nil || !e.Has(Portability) {
		t.Errorf("%+v", e)
	}
	rules := rulesOf(t, p, RenderOptions{}, "clone")
	if len(rules) != 1 || len(rules[0].Args) != 1 || rules[0].Args[0].Value != 0x7e020000 || rules[0].Includes != nil {
		t.Errorf("%+v", rules)
	}
	p = build(t, steady, record(t, "w", counts{"steady": {"fork": 1, "clone": 1}}))
	if e := entry(t, p, "clone"); e.Condition != nil || e.Has(Portability) {
		t.Errorf("%+v", e)
	}
	p = build(t, Options{}, record(t, "w", counts{"steady": {"fork": 1}, "startup": {"read": 1}}))
	if e := entry(t, p, "clone"); e.Has(Handover) && e.Condition != nil {
		t.Errorf("the runtime's clone is limited: %+v", e)
	}
}

// TestConditionsDiffer: s390x passes the arguments of clone in another order.
func TestConditionsDiffer(t *testing.T) {
	r := record(t, "w", counts{"steady": {"fork": 1}})
	p := build(t, Options{Phases: []string{"steady"}, Archs: []string{"s390x"}}, r)
	index := map[string]uint{}
	for _, rule := range rulesOf(t, p, RenderOptions{}, "clone") {
		index[strings.Join(rule.Includes.Arches, " ")] = rule.Args[0].Index
	}
	if len(index) != 2 || index["amd64"] != 0 || index["s390x"] != 1 {
		t.Errorf("%v", index)
	}
	if _, err := OCI(p, RenderOptions{}); err == nil || !strings.Contains(err.Error(), "use docker, or export for each alone") {
		t.Errorf("OCI: %v", err)
	}
}

// TestAnsweredENOSYS: whatever else is denied with, clone3 must not stop a program that has clone.
func TestAnsweredENOSYS(t *testing.T) {
	p := build(t, Options{}, record(t, "w", counts{"steady": {"clone": 1}}))
	eperm := uint(1)
	for _, tc := range []struct {
		opts RenderOptions
		want int
	}{
		{RenderOptions{}, 0},
		{RenderOptions{DefaultAction: specs.ActLog}, 0},
		{RenderOptions{Errno: &eperm}, 1},
		{RenderOptions{DefaultAction: specs.ActKillProcess}, 1},
		{RenderOptions{DefaultAction: specs.ActTrap}, 1},
	} {
		rules := rulesOf(t, p, tc.opts, "clone3")
		if len(rules) != tc.want {
			t.Errorf("%+v: %d rules", tc.opts, len(rules))
		}
		for _, r := range rules {
			if r.Action != specs.ActErrno || r.ErrnoRet == nil || *r.ErrnoRet != 38 {
				t.Errorf("%+v: %+v", tc.opts, r)
			}
		}
	}
	seen := build(t, Options{}, record(t, "w", counts{"steady": {"clone": 1, "clone3": 1}}))
	if rules := rulesOf(t, seen, RenderOptions{Errno: &eperm}, "clone3"); len(rules) != 1 || rules[0].Action != specs.ActAllow {
		t.Errorf("clone3 was seen: %+v", rules)
	}
	none := build(t, Options{Portability: "none"}, record(t, "w", counts{"steady": {"clone": 1}}))
	if len(none.Answered) > 0 {
		t.Errorf("without portability: %+v", none.Answered)
	}
}

func TestArchs(t *testing.T) {
	r := record(t, "w", counts{"startup": {"open": 1, "iopl": 1}, "steady": {"epoll_wait": 4, "read": 1}, "shutdown": {"close": 1}})
	p := build(t, Options{Archs: []string{"arm64", "amd64"}}, r)
	if !slices.Equal(natives(p.Archs), []string{"aarch64", "x86_64"}) || !slices.Equal(p.Carried, []string{"aarch64"}) {
		t.Errorf("%+v, carried %v", p.Archs, p.Carried)
	}
	for _, name := range []string{"openat", "epoll_pwait"} {
		if e := entry(t, p, name); !slices.Contains(e.ABIs, "aarch64") {
			t.Errorf("%+v", e)
		}
	}
	if w := p.Warnings; len(w) != 1 || !strings.Contains(w[0], "nothing there stands for iopl") {
		t.Errorf("warnings: %q", w)
	}
	both := build(t, Options{Portability: "arch"}, r)
	if !slices.Equal(natives(both.Archs), []string{"aarch64", "x86_64"}) {
		t.Errorf("by default: %+v", both.Archs)
	}
	// What was seen in one ABI alone is not carried into another of the host.
	old := build(t, Options{Phases: []string{"steady"}}, record(t, "old", counts{"steady": {"x86/stat64": 1, "read": 1}}))
	if e := entry(t, old, "statx"); !slices.Equal(e.ABIs, []string{"x86"}) {
		t.Errorf("%+v", e)
	}
}

// TestPortabilityGrows: each level has all of the one before, with the same counts.
func TestPortabilityGrows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		recs := rapid.SliceOfN(drawn(t), 1, 3).Draw(rt, "recordings")
		var before []Entry
		for _, level := range Portabilities() {
			p, err := Build(recs, Options{Portability: level})
			if err != nil {
				rt.Fatal(err)
			}
			for _, e := range before {
				i := slices.IndexFunc(p.Entries, func(now Entry) bool { return now.Name == e.Name })
				if i < 0 || p.Entries[i].Count != e.Count || p.Entries[i].Condition != nil && e.Condition == nil {
					rt.Fatalf("%s: %+v is lost or less", level, e)
				}
			}
			before = p.Entries
		}
	})
}
