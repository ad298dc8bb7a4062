package podman

import (
	"encoding/json"
	"testing"
)

// Podman's words have changed: numbers and names of signals, Healthcheck and Health.
func TestStopSignal(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "null": "", "0": "", "3": "SIGQUIT", "15": "SIGTERM", `"SIGQUIT"`: "SIGQUIT", `"9"`: "SIGKILL", "-1": "", "99999": "",
	} {
		if got := stopSignal(json.RawMessage(text)); got != want {
			t.Errorf("stopSignal(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestHealth(t *testing.T) {
	const check = `"Config":{"Healthcheck":{"Test":["CMD","true"]}}`
	for text, want := range map[string]string{
		`{}`: "",
		`{"Config":{"Healthcheck":{"Test":["NONE"]}},"State":{"Health":{"Status":"starting"}}}`: "",
		`{"State":{"Health":{"Status":""}}}`:                                                    "",
		`{` + check + `}`:                                                                       "has ",
		`{` + check + `,"State":{"Health":{"Status":"healthy"}}}`:                               "has healthy",
		`{` + check + `,"State":{"Healthcheck":{"Status":"healthy"}}}`:                          "has healthy",
	} {
		var from inspected
		if err := json.Unmarshal([]byte(text), &from); err != nil {
			t.Fatal(err)
		}
		got := ""
		if has, status := health(&from); has {
			got = "has " + status
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestConfinement(t *testing.T) {
	for text, want := range map[string]struct {
		noNewPrivs bool
		seccomp    string
	}{
		`{}`:                                 {false, "default"},
		`{"HostConfig":{"Privileged":true}}`: {false, "unconfined"},
		`{"HostConfig":{"SecurityOpt":["no-new-privileges","seccomp=unconfined"]}}`:  {true, "unconfined"},
		`{"HostConfig":{"SecurityOpt":["label=disable","seccomp=/etc/web.json"]}}`:   {false, "/etc/web.json"},
		`{"HostConfig":{"Privileged":true,"SecurityOpt":["seccomp=/etc/web.json"]}}`: {false, "/etc/web.json"},
	} {
		var from inspected
		if err := json.Unmarshal([]byte(text), &from); err != nil {
			t.Fatal(err)
		}
		if noNewPrivs, seccomp := confinement(&from); *noNewPrivs != want.noNewPrivs || seccomp != want.seccomp {
			t.Errorf("%s: %t %q", text, *noNewPrivs, seccomp)
		}
	}
}

func TestRuntime(t *testing.T) {
	c := Client{runtime: ociRuntime{"runc", runtimeVersion("runc", "runc version 1.1.5+ds1\ncommit: x\nspec: 1.0.2-dev")}}
	for name, want := range map[string][2]string{
		"runc": {"runc", "1.1.5+ds1"}, "/usr/sbin/runc": {"runc", "1.1.5+ds1"}, "/usr/bin/crun": {"crun", ""}, "": {"", ""},
	} {
		if runtime, version := c.runtimeOf(name); runtime != want[0] || version != want[1] {
			t.Errorf("%q: %q %q, want %q", name, runtime, version, want)
		}
	}
	if got := runtimeVersion("runc", "something else"); got != "" {
		t.Errorf("version %q", got)
	}
}
