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
		"unified": {"29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n", Mount{"/sys/fs/cgroup", Unified}, nil},
		"hybrid":  {v1 + "31 29 0:27 / /sys/fs/cgroup/unified rw shared:9 master:2 - cgroup2 cgroup2 rw\n", Mount{"/sys/fs/cgroup/unified", Hybrid}, nil},
		"v1 only": {v1, Mount{Layout: V1}, ErrNoCgroup2},
		"root wins over a part": {
			"29 23 0:26 / /a rw - cgroup2 none rw\n30 23 0:26 /docker/x /b rw - cgroup2 none rw\n", Mount{"/a", Unified}, nil},
		"only a part":  {"30 23 0:26 /docker/x /sys/fs/cgroup rw - cgroup2 none rw\n", Mount{"/sys/fs/cgroup", Unified}, nil},
		"space":        {`29 23 0:26 / /a\040b rw - cgroup2 none rw` + "\n", Mount{"/a b", Unified}, nil},
		"on top":       {"29 23 0:26 / /a rw - cgroup2 none rw\n30 23 0:26 / /b rw - cgroup2 none rw\n", Mount{"/b", Unified}, nil},
		"named source": {"29 23 0:26 / /a rw - tmpfs cgroup2 rw\n", Mount{Layout: V1}, ErrNoCgroup2},
		"garbage":      {"x\n - \n1 2 3 - cgroup2\n", Mount{Layout: V1}, ErrNoCgroup2},
		"empty":        {"", Mount{Layout: V1}, ErrNoCgroup2},
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
		if got := ParseOwn(text); got != want {
			t.Errorf("ParseOwn(%q) = %q, want %q", text, got, want)
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
