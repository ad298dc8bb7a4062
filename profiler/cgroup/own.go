package cgroup

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// membership is a line of /proc/PID/cgroup: "0::/path" of cgroup2, "5:cpu,cpuacct:/path" of a v1 hierarchy. See cgroups(7).
type membership struct {
	hierarchy uint32
	path      string
}

func (m Mount) parseMembership(text string) (membership, bool) {
	for line := range strings.Lines(text) {
		number, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		names, path, ok := strings.Cut(rest, ":")
		hierarchy, err := strconv.ParseUint(number, 10, 32)
		if ok && err == nil && m.isOf(hierarchy, names) {
			return membership{uint32(hierarchy), path}, true
		}
	}
	return membership{}, false
}

func (m Mount) isOf(hierarchy uint64, names string) bool {
	if m.Controller == "" {
		return hierarchy == 0 && names == ""
	}
	return slices.Contains(strings.Split(names, ","), m.Controller)
}

// ParseOwn returns the path of a process's cgroup in this hierarchy, from the text of /proc/PID/cgroup. A path outside this
// cgroup namespace ("/../…") counts as the root.
func (m Mount) ParseOwn(text string) string {
	own, ok := m.parseMembership(text)
	if !ok || !strings.HasPrefix(own.path, "/") || strings.HasPrefix(own.path, "/..") {
		return "/"
	}
	return own.path
}

// Own is the path of this process's own cgroup.
func (m Mount) Own() (string, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", fmt.Errorf("finding scallop's own cgroup: %w: is /proc mounted?", err)
	}
	return m.ParseOwn(string(text)), nil
}

// Hierarchy is the number that the kernel gave the hierarchy: 0 is cgroup2.
func (m Mount) Hierarchy() (uint32, error) {
	if m.Controller == "" {
		return 0, nil
	}
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return 0, fmt.Errorf("finding the number of the %s hierarchy: %w: is /proc mounted?", m.Controller, err)
	}
	own, ok := m.parseMembership(string(text))
	if !ok {
		return 0, fmt.Errorf("finding the number of the %s hierarchy: no line of /proc/self/cgroup has it", m.Controller)
	}
	return own.hierarchy, nil
}
