// Package cgroup finds the hierarchy whose cgroups tell workloads apart, and makes, watches and removes the
// cgroup of a workload.
package cgroup

import (
	"bufio"
	"cmp"
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

// Mount is where the hierarchy is: cgroup2 or, where that is not mounted, one of v1.
type Mount struct {
	Path       string
	Layout     string
	Controller string // of the v1 hierarchy, one of controllers; empty: it is cgroup2
}

// ErrNoMount says that there is no hierarchy to tell workloads by.
var ErrNoMount = errors.New("neither cgroup2 nor a v1 hierarchy with a controller is mounted: mount one (mount -t cgroup2 none /sys/fs/cgroup)")

// FindMount finds the hierarchy in this process's mount namespace.
func FindMount() (Mount, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return Mount{}, fmt.Errorf("finding the cgroup mount: %w: is /proc mounted?", err)
	}
	defer f.Close()
	return ParseMountinfo(f)
}

// ParseMountinfo finds the hierarchy in the text of /proc/PID/mountinfo (see proc_pid_mountinfo(5)): cgroup2, or else
// that of the first of controllers. A mount that shows the hierarchy's root wins over one that shows a
// part; then the last one, which is on top.
func ParseMountinfo(r io.Reader) (Mount, error) {
	var v2 shown
	v1 := map[string]*shown{} // by controller
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		m, ok := parseMount(lines.Text())
		switch {
		case !ok:
		case m.fstype == "cgroup":
			name := controllerOf(m.options)
			if v1[name] == nil {
				v1[name] = &shown{}
			}
			v1[name].add(m)
		case m.fstype == "cgroup2":
			v2.add(m)
		}
	}
	if err := lines.Err(); err != nil {
		return Mount{}, fmt.Errorf("reading mountinfo: %w", err)
	}
	switch {
	case v2.point() == "":
		return mountV1(v1)
	case len(v1) > 0:
		return Mount{Path: v2.point(), Layout: Hybrid}, nil
	default:
		return Mount{Path: v2.point(), Layout: Unified}, nil
	}
}

// shown is where one hierarchy is mounted: whole, and in part.
type shown struct{ whole, part string }

func (s *shown) add(m mountLine) {
	if m.root == "/" {
		s.whole = m.point
	} else {
		s.part = m.point
	}
}

func (s *shown) point() string { return cmp.Or(s.whole, s.part) }

// mountLine is a line of mountinfo, as far as it matters.
type mountLine struct {
	root, point, fstype string
	options             []string // of the file system itself: "rw,pids"
}

// parseMount splits "36 35 98:0 /root /point rw shared:1 - type source options".
func parseMount(line string) (m mountLine, ok bool) {
	before, after, ok := strings.Cut(line, " - ")
	left, right := strings.Fields(before), strings.Fields(after)
	if !ok || len(left) < 6 || len(right) < 1 {
		return mountLine{}, false
	}
	m = mountLine{root: unescape(left[3]), point: unescape(left[4]), fstype: right[0]}
	if len(right) >= 3 {
		m.options = strings.Split(right[2], ",")
	}
	return m, true
}

// unescape turns the octal escapes of mountinfo back: space, tab, newline, backslash.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace
