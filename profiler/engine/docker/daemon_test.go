package docker

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
)

func TestConfinement(t *testing.T) {
	type result struct {
		NoNewPrivs *bool
		Seccomp    string
		Profile    string
	}
	old := daemon{seccomp: "default"}
	always := daemon{seccomp: "unconfined"}
	for _, option := range []string{"name=apparmor", "name=seccomp,profile=/etc/web.json", "name=no-new-privileges"} {
		always.addOption(option)
	}
	for name, test := range map[string]struct {
		daemon daemon
		host   container.HostConfig
		want   result
	}{
		"nothing chosen":      {old, container.HostConfig{}, result{nil, "default", ""}},
		"the daemon's choice": {always, container.HostConfig{}, result{new(true), "/etc/web.json", ""}},
		"privileged":          {old, container.HostConfig{Privileged: true}, result{nil, "unconfined", ""}},
		"chosen":              {old, container.HostConfig{SecurityOpt: []string{"no-new-privileges", "seccomp=unconfined"}}, result{new(true), "unconfined", ""}},
		"chosen, long":        {old, container.HostConfig{SecurityOpt: []string{"no-new-privileges:true", "seccomp=builtin"}}, result{new(true), "default", ""}},
		"against the daemon":  {always, container.HostConfig{SecurityOpt: []string{"no-new-privileges=false"}}, result{new(false), "/etc/web.json", ""}},
		"a profile":           {old, container.HostConfig{SecurityOpt: []string{"label=disable", `seccomp={"defaultAction":"SCMP_ACT_ERRNO"}`}}, result{nil, "custom", `{"defaultAction":"SCMP_ACT_ERRNO"}`}},
	} {
		var got result
		got.NoNewPrivs, got.Seccomp, got.Profile = test.daemon.confinement(&test.host)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

func TestRuntime(t *testing.T) {
	d := daemon{
		runtimes:    map[string]string{"runc": "runc", "mine": "/opt/bin/crun", "io.containerd.runc.v2": ""},
		ociVersions: map[string]string{"runc": "1.1.5"},
	}
	for name, want := range map[string][2]string{
		"runc":                   {"runc", "1.1.5"},
		"mine":                   {"crun", ""},
		"io.containerd.runc.v2":  {"runc", "1.1.5"},
		"io.containerd.runsc.v1": {"runsc", ""},
		"":                       {"", ""},
	} {
		if runtime, version := d.runtime(name); runtime != want[0] || version != want[1] {
			t.Errorf("%q: %q %q, want %q", name, runtime, version, want)
		}
	}
}

func TestOwnName(t *testing.T) {
	for want, names := range map[string][]string{"web": {"/db/alias", "/web"}, "": {"/a/b"}, "plain": {"plain"}} {
		if got := ownName(names); got != want {
			t.Errorf("%q: %q, want %q", names, got, want)
		}
	}
}
