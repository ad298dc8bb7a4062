package cgroup

import (
	"errors"
	"strings"
	"testing"
)

func TestParseMountinfo(t *testing.T) {
	const v1 = "30 29 0:25 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
	for name, test := range map[string]struct {
		text string
		want Mount
		err  error
	}{
		"unified": {"29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n", Mount{Path: "/sys/fs/cgroup", Layout: Unified}, nil},
		"hybrid":  {v1 + "31 29 0:27 / /sys/fs/cgroup/unified rw shared:9 master:2 - cgroup2 cgroup2 rw\n", Mount{Path: "/sys/fs/cgroup/unified", Layout: Hybrid}, nil},
		"v1 only": {v1, Mount{"/sys/fs/cgroup/cpu", V1, "cpu"}, nil},
		"the best of v1": {v1 + "31 29 0:26 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n32 29 0:27 / /m rw - cgroup cgroup rw,memory\n",
			Mount{"/sys/fs/cgroup/pids", V1, "pids"}, nil},
		"v1, two at once":         {"30 29 0:25 / /c rw - cgroup cgroup rw,cpu,cpuacct\n", Mount{"/c", V1, "cpu"}, nil},
		"v1, a part below":        {"30 29 0:25 / /a rw - cgroup cgroup rw,pids\n31 29 0:25 /x /b rw - cgroup cgroup rw,pids\n", Mount{"/a", V1, "pids"}, nil},
		"v1, cpuset is the last":  {v1 + "31 29 0:26 / /s rw - cgroup cgroup rw,pids,cpuset\n", Mount{"/sys/fs/cgroup/cpu", V1, "cpu"}, nil},
		"v1 without a controller": {"30 29 0:25 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n", Mount{Layout: V1}, ErrNoMount},
		"root wins over a part": {
			"29 23 0:26 / /a rw - cgroup2 none rw\n30 23 0:26 /docker/x /b rw - cgroup2 none rw\n", Mount{Path: "/a", Layout: Unified}, nil},
		"only a part":  {"30 23 0:26 /docker/x /sys/fs/cgroup rw - cgroup2 none rw\n", Mount{Path: "/sys/fs/cgroup", Layout: Unified}, nil},
		"space":        {`29 23 0:26 / /a\040b rw - cgroup2 none rw` + "\n", Mount{Path: "/a b", Layout: Unified}, nil},
		"on top":       {"29 23 0:26 / /a rw - cgroup2 none rw\n30 23 0:26 / /b rw - cgroup2 none rw\n", Mount{Path: "/b", Layout: Unified}, nil},
		"named source": {"29 23 0:26 / /a rw - tmpfs cgroup2 rw\n", Mount{Layout: V1}, ErrNoMount},
		"garbage":      {"x\n - \n1 2 3 - cgroup2\n", Mount{Layout: V1}, ErrNoMount},
		"empty":        {"", Mount{Layout: V1}, ErrNoMount},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseMountinfo(strings.NewReader(test.text))
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %+v, %v, want %+v, %v", got, err, test.want, test.err)
			}
		})
	}
}

func TestParseOwn(t *testing.T) {
	for text, want := range map[string]string{
		"0::/user.slice/a.scope\n":      "/user.slice/a.scope",
		"5:cpu:/x\n1:name=systemd:/y\n": "/",
		"3:cpu:/x\n0::/\n":              "/",
		"0::/../other\n":                "/",
		"":                              "/",
	} {
		if got := (Mount{}).ParseOwn(text); got != want {
			t.Errorf("ParseOwn(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestParseOwnV1(t *testing.T) {
	const text = "12:cpu,cpuacct:/a\n5:pids:/docker/b:c\n4:devices:/../x\n1:name=pids2:/d\n0::/e\n"
	for controller, want := range map[string]membership{
		"pids": {5, "/docker/b:c"}, "cpuacct": {12, "/a"}, "devices": {4, "/"}, "memory": {0, "/"}, "": {0, "/e"},
	} {
		m := Mount{Controller: controller}
		if got := m.ParseOwn(text); got != want.path {
			t.Errorf("%q: %q, want %q", controller, got, want.path)
		}
		if got, _ := m.parseMembership(text); got.hierarchy != want.hierarchy {
			t.Errorf("%q: hierarchy %d, want %d", controller, got.hierarchy, want.hierarchy)
		}
	}
}

func FuzzParseMountinfo(f *testing.F) {
	f.Add("29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
	f.Add("30 29 0:25 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMountinfo(strings.NewReader(text))
		if (err == nil) != (m.Path != "") {
			t.Errorf("got %+v and %v", m, err)
		}
	})
}

func FuzzParseOwn(f *testing.F) {
	f.Add("0::/user.slice\n", "")
	f.Add("12:cpu,cpuacct:/a\n5:pids:/docker/b:c\n", "pids")
	f.Fuzz(func(t *testing.T, text, controller string) {
		if got := (Mount{Controller: controller}).ParseOwn(text); !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "/..") {
			t.Errorf("got %q", got)
		}
	})
}
