package policy

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:generate go run ./gen

// defaults are copies, in the form of Encode, of default.json of github.com/moby/profiles/seccomp v0.3.0 (copyright The Moby
// Authors) and seccomp.json of go.podman.io/common v0.66.0 (copyright The Podman Authors), both Apache-2.0.
//
//go:embed defaults/docker.json defaults/podman.json
var defaults embed.FS

var defaultNames = []string{"docker", "podman"}

// Defaults are the names that Default takes, sorted.
func Defaults() []string { return slices.Clone(defaultNames) }

// Default returns the profile that an engine applies unless told otherwise: docker or podman, also as
// docker-default and podman-default.
func Default(name string) (*Policy, error) {
	short := strings.TrimSuffix(name, "-default")
	if !slices.Contains(defaultNames, short) {
		return nil, fmt.Errorf("no default profile has the name %.64q: use one of %s", name, strings.Join(defaultNames, ", "))
	}
	data, err := defaults.ReadFile("defaults/" + short + ".json")
	if err != nil {
		return nil, fmt.Errorf("read the default profile of %s: %w", short, err)
	}
	return Parse(bytes.NewReader(data))
}
