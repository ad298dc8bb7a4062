package engine

import (
	"fmt"
	"path"
	"strings"
)

// minPrefix is the fewest digits that stand for an ID.
const minPrefix = 4

// CheckPattern tells whether Match can use a pattern.
func CheckPattern(pattern string) error {
	if pattern == "" {
		return fmt.Errorf("container pattern %q: empty: give a name, an ID, %d or more digits of an ID, or a glob of names", pattern, minPrefix)
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return fmt.Errorf("container pattern %q: %w: close its brackets, or put a backslash before them", pattern, err)
	}
	return nil
}

// Match tells whether a pattern means the container: its name, its ID, the begin of its ID, or a glob
// (see path.Match) of its name. Sandboxes of pods have no name of their own: they only match by ID.
func Match(c *Container, pattern string) bool {
	return MatchID(c, pattern) || MatchName(c, pattern)
}

// MatchID tells whether a pattern is the ID of the container, or its begin.
func MatchID(c *Container, pattern string) bool {
	return len(pattern) >= minPrefix && isHex(pattern) && strings.HasPrefix(c.ID, pattern)
}

// MatchName tells whether a pattern is a name of the container, or a glob of it.
func MatchName(c *Container, pattern string) bool {
	if c.Sandbox || pattern == "" {
		return false
	}
	for _, name := range []string{c.Name, c.ContainerName} {
		if name == pattern {
			return true
		}
		if ok, err := path.Match(pattern, name); ok && err == nil && name != "" {
			return true
		}
	}
	return false
}

// IsGlob tells whether a pattern may mean more than one name.
func IsGlob(pattern string) bool { return strings.ContainsAny(pattern, `*?[\`) }

// MatchPod tells whether the container belongs to the pod, and is the named one of it if a name is
// given. The pod's sandbox is not what is asked for.
func MatchPod(c *Container, namespace, pod, container string) bool {
	return !c.Sandbox && pod != "" && c.PodNamespace == namespace && c.PodName == pod &&
		(container == "" || c.ContainerName == container)
}

// MatchLabels tells whether the container has all of the labels, with these values.
func MatchLabels(c *Container, labels map[string]string) bool {
	for name, value := range labels {
		if has, ok := c.Labels[name]; !ok || has != value {
			return false
		}
	}
	return true
}
