package hook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Stages at which the hook sees a container whole: the runtime has made its process, in its
// cgroup, and waits for the hook before it loads the filter.
var Stages = []string{"prestart", "createRuntime"}

// config is a file of hooks.d, see oci-hooks(5).
type config struct {
	Version string     `json:"version"`
	Hook    specs.Hook `json:"hook"`
	When    when       `json:"when"`
	Stages  []string   `json:"stages"`
}

type when struct {
	Annotations map[string]string `json:"annotations"` // regular expressions
}

// Config is the file that lets Podman and CRI-O call the hook for the containers with the
// annotation. path is scallop's, args follow its name.
func Config(path string, args []string, stage string) ([]byte, error) {
	if !slices.Contains(Stages, stage) {
		return nil, fmt.Errorf("stage %q: use one of %s", stage, strings.Join(Stages, ", "))
	}
	c := config{
		Version: "1.0.0",
		Hook:    specs.Hook{Path: path, Args: append([]string{"scallop"}, args...)},
		When:    when{map[string]string{`^io\.containers\.trace-syscall(/.+)?$`: ".*"}},
		Stages:  []string{stage},
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(c)
	return b.Bytes(), err
}
