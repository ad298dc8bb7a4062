// Package cgroup finds the cgroup2 hierarchy and makes, watches and removes the
// cgroup of a workload.
package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Layouts of a host's cgroups.
const (
	Unified = "unified" // cgroup2 alone
	Hybrid  = "hybrid"  // cgroup2 beside v1 hierarchies
	V1      = "v1"      // no cgroup2
)

// Mount is where the cgroup2 hierarchy is.
type Mount struct {
	Path   string
	Layout string
}

// ErrNoCgroup2 says that no cgroup2 hierarchy is mounted.
var ErrNoCgroup2 = errors.New("no cgroup2 file system is mounted: mount one (mount -t cgroup2 none /sys/fs/cgroup/unified)")

// FindMount finds the cgroup2 mount of this process's mount namespace.
func FindMount() (Mount, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return Mount{}, fmt.Errorf("finding the cgroup2 mount: %w: is /proc mounted?", err)
	}
	defer f.Close()
	return ParseMountinfo(f)
}

// ParseMountinfo finds the cgroup2 mount in the text of /proc/PID/mountinfo (see
// proc_pid_mountinfo(5)). A mount that shows the hierarchy's root wins over one that shows a
// part; then the last one, which is on top.
func ParseMountinfo(r io.Reader) (Mount, error) {
	var found, partial string
	v1 := false
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		root, point, fstype, ok := parseMount(lines.Text())
		switch {
		case !ok:
		case fstype == "cgroup":
			v1 = true
		case fstype == "cgroup2" && root == "/":
			found = point
		case fstype == "cgroup2":
			partial = point
		}
	}
	if err := lines.Err(); err != nil {
		return Mount{}, fmt.Errorf("reading mountinfo: %w", err)
	}
	if found == "" {
		found = partial
	}
	switch {
	case found == "":
		return Mount{Layout: V1}, ErrNoCgroup2
	case v1:
		return Mount{Path: found, Layout: Hybrid}, nil
	default:
		return Mount{Path: found, Layout: Unified}, nil
	}
}

// parseMount splits "36 35 98:0 /root /point rw shared:1 - type source options".
func parseMount(line string) (root, point, fstype string, ok bool) {
	before, after, ok := strings.Cut(line, " - ")
	if !ok {
		return "", "", "", false
	}
	left, right := strings.Fields(before), strings.Fields(after)
	if len(left) < 6 || len(right) < 1 {
		return "", "", "", false
	}
	return unescape(left[3]), unescape(left[4]), right[0], true
}

// unescape turns the octal escapes of mountinfo back: space, tab, newline, backslash.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace
