package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"golang.org/x/sys/unix"
)

// runPrefix heads the names of the cgroups that hold a command of `scallop run`:
// scallop-run-<pid of scallop>-<name>.
const runPrefix = "scallop-run-"

// CreateForRun makes the cgroup of a command of this process.
func CreateForRun(m Mount, name string) (*Cgroup, error) {
	return Create(m, fmt.Sprintf("%s%d-%s", runPrefix, os.Getpid(), safe(name)))
}

var unsafe = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// safe makes a file name of a workload's name.
func safe(name string) string {
	const longest = 64
	name = unsafe.ReplaceAllString(name, "_")
	return name[:min(len(name), longest)]
}

var runName = regexp.MustCompile(`^` + runPrefix + `([0-9]+)-`)

// Sweep removes empty cgroups beside this process's new one whose scallop was killed
// before it could remove them.
func Sweep(m Mount) {
	own, err := m.Own()
	if err != nil {
		return
	}
	parent := filepath.Join(m.Path, own)
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, entry := range entries {
		match := runName.FindStringSubmatch(entry.Name())
		if match == nil || !entry.IsDir() {
			continue
		}
		pid, err := strconv.Atoi(match[1])
		if err == nil && errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
			sweepOne(m, filepath.Join(parent, entry.Name()))
		}
	}
}

// sweepOne fails, rightly, while the workload still runs.
func sweepOne(m Mount, dir string) {
	path, err := filepath.Rel(m.Path, dir)
	if err != nil {
		return
	}
	c := &Cgroup{Mount: m, Path: "/" + path}
	if populated, err := c.Populated(); err != nil || populated {
		return
	}
	_ = c.Remove()
}
