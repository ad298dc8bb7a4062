package engine_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/engine"
)

func TestMatch(t *testing.T) {
	docker := engine.Container{ID: id, Name: "web-1"}
	cri := engine.Container{ID: id, Name: "shop_default_nginx", ContainerName: "nginx", PodName: "shop", PodNamespace: "default"}
	sandbox := engine.Container{ID: id, Name: "shop_default", PodName: "shop", PodNamespace: "default", Sandbox: true}
	for _, test := range []struct {
		container engine.Container
		pattern   string
		want      bool
	}{
		{docker, "web-1", true},
		{docker, "web-?", true},
		{docker, "[a-w]*", true},
		{docker, "*", true},
		{docker, "web", false},
		{docker, "", false},
		{docker, "[", false},
		{docker, id, true},
		{docker, id[:12], true},
		{docker, id[:4], true},
		{docker, id[:3], false},
		{docker, id[1:], false},
		{docker, strings.ToUpper(id), false},
		{cri, "nginx", true},
		{cri, "shop_*", true},
		{sandbox, "shop*", false},
		{sandbox, "*", false},
		{sandbox, id[:12], true},
		{engine.Container{ID: id}, "*", false}, // no name: it must be meant
		{engine.Container{ID: id, Name: "face"}, "face", true},
		{engine.Container{ID: id, Name: "a\nb"}, "a\nb", true},
	} {
		if got := engine.Match(&test.container, test.pattern); got != test.want {
			t.Errorf("Match(%+v, %q) = %t", test.container, test.pattern, got)
		}
	}
}

func TestMatchPod(t *testing.T) {
	c := engine.Container{PodNamespace: "default", PodName: "shop", ContainerName: "nginx"}
	sandbox := c
	sandbox.Sandbox = true
	for _, test := range []struct {
		container              engine.Container
		namespace, pod, wanted string
		want                   bool
	}{
		{c, "default", "shop", "", true},
		{c, "default", "shop", "nginx", true},
		{c, "default", "shop", "redis", false},
		{c, "other", "shop", "", false},
		{c, "default", "sho", "", false},
		{sandbox, "default", "shop", "", false},
		{engine.Container{}, "", "", "", false},
	} {
		if got := engine.MatchPod(&test.container, test.namespace, test.pod, test.wanted); got != test.want {
			t.Errorf("MatchPod(%+v, %q, %q, %q) = %t", test.container, test.namespace, test.pod, test.wanted, got)
		}
	}
}

func TestMatchLabels(t *testing.T) {
	c := engine.Container{Labels: map[string]string{"app": "web", "empty": ""}}
	for _, test := range []struct {
		labels map[string]string
		want   bool
	}{
		{nil, true},
		{map[string]string{"app": "web"}, true},
		{map[string]string{"app": "web", "empty": ""}, true},
		{map[string]string{"app": "web", "tier": ""}, false},
		{map[string]string{"app": "we"}, false},
	} {
		if got := engine.MatchLabels(&c, test.labels); got != test.want {
			t.Errorf("MatchLabels(%v) = %t", test.labels, got)
		}
	}
}

func TestCheckPattern(t *testing.T) {
	for pattern, ok := range map[string]bool{"web": true, "web*": true, "a[bc]": true, "": false, "[": false, `a\`: false} {
		if err := engine.CheckPattern(pattern); (err == nil) != ok {
			t.Errorf("CheckPattern(%q) = %v", pattern, err)
		}
	}
}

func TestLimit(t *testing.T) {
	const bytes, labels = 4096, 256
	c := engine.Container{Name: strings.Repeat("x", 1<<20), PID: -1, Labels: map[string]string{strings.Repeat("0", 5000): "long name"}}
	for i := range 1000 {
		c.Labels[fmt.Sprintf("label%04d", i)] = strings.Repeat("y", 5000)
	}
	engine.Limit(&c)
	if len(c.Name) != bytes || c.PID != 0 {
		t.Errorf("name of %d bytes, PID %d", len(c.Name), c.PID)
	}
	// The long one comes first by name and is left out.
	names := slices.Sorted(maps.Keys(c.Labels))
	if len(names) != labels-1 || names[0] != "label0000" || names[len(names)-1] != "label0254" || len(c.Labels["label0000"]) != bytes {
		t.Errorf("%d labels from %.20s to %s, the first of %d bytes", len(names), names[0], names[len(names)-1], len(c.Labels["label0000"]))
	}
}

func TestFillPod(t *testing.T) {
	c := engine.Container{PodName: "told", Labels: map[string]string{
		"io.kubernetes.pod.name": "label", "io.kubernetes.pod.namespace": "ns", "io.kubernetes.pod.uid": uid, "io.kubernetes.container.name": "web",
	}}
	engine.FillPod(&c)
	if c.PodName != "told" || c.PodNamespace != "ns" || c.PodUID != uid || c.ContainerName != "web" {
		t.Errorf("%+v", c)
	}
}
