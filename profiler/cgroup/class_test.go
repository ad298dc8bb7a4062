package cgroup

import (
	"strings"
	"testing"
)

func TestClassOf(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	for name, want := range map[string]Class{
		"": Plain, "init": Plain, "kubepods": Plain, ".slice": Slice, "a.slice": Slice, "user-1000.slice": Slice,
		"a.scope": Unit, "session-3.scope": Unit, "nginx.service": Unit, "unit\\x2dname.service": Unit, "x.service.d": Plain, "service": Plain,
		id: Whole, "docker-" + id + ".scope": Whole, "libpod-" + id: Whole, "cri-containerd-" + id + ".scope": Whole, "kubepods.slice:cri-containerd:" + id: Whole,
		id[1:]: Plain, id[1:] + "g": Plain, strings.ToUpper(id): Plain, id + ".service": Unit, id + ".slice": Slice, id + "x": Plain, id[1:] + ".scope": Unit,
	} {
		if got := ClassOf(name); got != want {
			t.Errorf("%q is of class %d, want %d", name, got, want)
		}
	}
}

func TestJoinsParent(t *testing.T) {
	for _, parent := range []Class{Plain, Slice, Unit, Whole} {
		for _, child := range []Class{Plain, Slice, Unit, Whole} {
			want := parent == Whole || parent == Unit && child == Plain
			if got := JoinsParent(parent, child); got != want {
				t.Errorf("%d below %d: %v", child, parent, got)
			}
		}
	}
}
