package hook

import (
	"regexp"
	"testing"

	"encoding/json"
)

// The shape is that of oci-seccomp-bpf-hook.json; only path, arguments and the suffix of the key differ.
const wantConfig = `{
  "version": "1.0.0",
  "hook": {
    "path": "/usr/bin/scallop",
    "args": [
      "scallop",
      "hook"
    ]
  },
  "when": {
    "annotations": {
      "^io\\.containers\\.trace-syscall(/.+)?$": ".*"
    }
  },
  "stages": [
    "prestart"
  ]
}
`

func TestConfig(t *testing.T) {
	got, err := Config("/usr/bin/scallop", []string{"hook"}, "prestart")
	if err != nil || string(got) != wantConfig {
		t.Errorf("%v\n%s", err, got)
	}
	for _, stage := range []string{"", "poststart", "createContainer", "startContainer", "poststop"} {
		if _, err := Config("/usr/bin/scallop", []string{"hook"}, stage); err == nil {
			t.Errorf("stage %q is accepted", stage)
		}
	}
}

func TestConfigMatches(t *testing.T) {
	data, err := Config("/s", nil, "createRuntime")
	if err != nil {
		t.Fatal(err)
	}
	var c config
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{
		Annotation: true, Annotation + "/web": true, Annotation + "/": false,
		"ioXcontainersXtrace-syscall": false, "x" + Annotation: false, Annotation + "s": false,
	} {
		matches := false
		for pattern := range c.When.Annotations {
			matches = matches || regexp.MustCompile(pattern).MatchString(key)
		}
		if matches != want {
			t.Errorf("%q: %v, want %v", key, matches, want)
		}
	}
}
