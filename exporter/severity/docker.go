package severity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Docker is when Docker's default profile allows a call, and for a dangerous one that it
// allows without a capability, why that can be borne.
type Docker struct {
	// When is "always", "never", or alternatives joined by "; ".
	When string
	Note string

	alternatives []alternative
}

// alternative is one rule of the profile: all that is set must hold.
type alternative struct {
	capability string
	arches     []string // Docker's names of hosts
	kernel     string   // that or newer
	arguments  bool     // only with some arguments
}

// Allows tells whether the call passes, if only with some arguments, in a container with
// these capabilities. Rules for kernels from some version on are taken to hold: all are older than scallop's oldest.
func (d Docker) Allows(abi string, capabilities []string) bool {
	return slices.ContainsFunc(d.alternatives, func(a alternative) bool {
		return (a.capability == "" || slices.Contains(capabilities, a.capability)) &&
			(a.arches == nil || slices.Contains(a.arches, dockerHost(abi)))
	})
}

// Gated tells whether Docker denies the call to a container without capabilities, and for
// some arguments at least: what is dangerous of it is then kept back.
func (d Docker) Gated() bool {
	return !slices.ContainsFunc(d.alternatives, func(a alternative) bool { return a.capability == "" && !a.arguments })
}

// dockerHost names the host that runs the ABI as Docker's rules do: they go by the native
// architecture of the host, not by that of the call.
func dockerHost(abi string) string {
	switch abi {
	case "x86_64", "x86", "x32":
		return "amd64"
	case "aarch64", "arm":
		return "arm64"
	}
	return abi
}

func parseDocker(when, note string) (Docker, error) {
	d := Docker{When: when, Note: note}
	switch when {
	case "":
		return d, errors.New("says nothing of Docker")
	case "never":
		return d, nil
	case "always":
		d.alternatives = []alternative{{}}
		return d, nil
	}
	for part := range strings.SplitSeq(when, "; ") {
		a, err := parseAlternative(part)
		if err != nil {
			return d, err
		}
		d.alternatives = append(d.alternatives, a)
	}
	return d, nil
}

// parseAlternative reads e.g. "arguments, on s390 s390x".
func parseAlternative(text string) (alternative, error) {
	var a alternative
	for word := range strings.SplitSeq(text, ", ") {
		key, value, _ := strings.Cut(word, " ")
		switch {
		case word == "arguments":
			a.arguments = true
		case key == "with" && strings.HasPrefix(value, "CAP_"):
			a.capability = value
		case key == "on" && value != "":
			a.arches = strings.Fields(value)
		case key == "from" && strings.HasPrefix(value, "kernel "):
			a.kernel = strings.TrimPrefix(value, "kernel ")
		default:
			return a, fmt.Errorf("says %q of Docker", word)
		}
	}
	return a, nil
}
