package watch

import (
	"bytes"
	"context"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Locator tells to which workload a process belongs, long after it was seen. It asks engines about a container once.
type Locator struct {
	open  func() Engines
	warn  func(string, ...any)
	boot  time.Time
	mount cgroup.Mount
	known map[string]recording.Workload // by the workload's root cgroup
}

// NewLocator makes one. open gives the engines to ask, or nil; it is called once, if there is a container at all.
func NewLocator(open func() Engines, warn func(string, ...any)) *Locator {
	mount, _ := cgroup.FindMount() // where there is none, all processes are in the root
	return &Locator{mount: mount, open: sync.OnceValue(open), warn: warn, boot: bootTime(), known: map[string]recording.Workload{}}
}

// ticks is USER_HZ, the unit of times in /proc: 100 on every architecture.
const ticks = 100

// bootSlack is how exactly /proc/stat knows when the host was booted.
const bootSlack = time.Second

// Of names the workload of a process that was alive at a time. It is false if the process is gone, or if a younger one has
// its PID now, or one of another program, if exe is given: for what may have happened on another host.
func (l *Locator) Of(ctx context.Context, pid int, at time.Time, exe string) (recording.Workload, bool) {
	p := readProcess(pid)
	if p == nil || l.boot.IsZero() || exe != "" && exe != strings.TrimSuffix(p.exe, " (deleted)") {
		return recording.Workload{}, false
	}
	born := l.boot.Add(time.Duration(p.started) * time.Second / ticks)
	if at.IsZero() || born.After(at.Add(bootSlack)) {
		return recording.Workload{}, false
	}
	in, err := pathOfPID(l.mount, pid)
	if err != nil {
		return recording.Workload{}, false
	}
	root := rootOf(in)
	about, ok := l.known[root]
	if !ok {
		about = l.describe(ctx, placeOf("/", root))
		l.known[root] = about
	}
	return about, true
}

func (l *Locator) describe(ctx context.Context, p place) recording.Workload {
	about := aboutPlace(&p)
	if about.Container == nil {
		return about
	}
	engines := l.open()
	if engines == nil {
		return about
	}
	c, err := engines.Container(ctx, p.ref)
	if err != nil {
		l.warn("container %s: %v", about.Name, err)
	} else if c != nil {
		identify(&about, c)
	}
	return about
}

// rootOf finds where the workload of a cgroup begins, by names alone (see cgroup.ClassOf).
func rootOf(in string) string {
	whole := ""
	for at := in; at != "/" && at != "."; at = path.Dir(at) {
		if cgroup.ClassOf(path.Base(at)) == cgroup.Whole {
			whole = at
		}
	}
	if whole != "" {
		return whole
	}
	for {
		parent := path.Dir(in)
		if parent == "/" || !cgroup.JoinsParent(cgroup.ClassOf(path.Base(parent)), cgroup.ClassOf(path.Base(in))) {
			return in
		}
		in = parent
	}
}

// bootTime is zero if /proc/stat does not tell.
func bootTime() time.Time {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}
	}
	for line := range bytes.Lines(data) {
		if text, ok := strings.CutPrefix(string(line), "btime "); ok {
			seconds, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
			if err == nil {
				return time.Unix(seconds, 0)
			}
		}
	}
	return time.Time{}
}
