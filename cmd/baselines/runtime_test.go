package main

import (
	"slices"
	"testing"
)

func TestParseVersion(t *testing.T) {
	for _, tc := range []struct {
		out, family, version string
		build                []string
	}{
		{"runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1\nspec: 1.0.2-dev\ngo: go1.19.8\nlibseccomp: 2.5.4\n",
			"runc", "1.1.5", []string{"go: go1.19.8", "libseccomp: 2.5.4"}},
		{"runc version 1.0.0~rc93+ds1\nspec: 1.0.2-dev\n", "runc", "1.0.0-rc93", nil},
		{"runc version 1.5.0-rc.2\n", "runc", "1.5.0-rc.2", nil},
		{"crun version 1.8.1\ncommit: f8a096be060b22ccd3d5f3ebe44108517fbf6c30\nrundir: /run/user/0/crun\nspec: 1.0.0\n+SYSTEMD +SECCOMP\n",
			"crun", "1.8.1", []string{"+SYSTEMD +SECCOMP"}},
		{"youki version 0.5.5\n", "youki", "0.5.5", nil},
	} {
		p, err := parseVersion(tc.out)
		if err != nil {
			t.Fatal(err)
		}
		if p.family != tc.family || p.version != tc.version || !slices.Equal(p.build, tc.build) {
			t.Errorf("%q: %+v", tc.out, p)
		}
	}
	for _, out := range []string{"", "Docker version 20.10\n1", "runc unknown", "version 1.0"} {
		if p, err := parseVersion(out); err == nil {
			t.Errorf("%q: %+v", out, p)
		}
	}
}
