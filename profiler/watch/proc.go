package watch

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
)

// process is what /proc tells of a live one.
type process struct {
	parent  int
	started uint64 // clock ticks since boot
	exe     string
	hidden  error // why there is no exe
	seccomp int
	noNew   bool
}

// readProcess returns nil if the process is gone.
func readProcess(pid int) *process {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil
	}
	p := &process{}
	p.parent, p.started = parseStat(stat)
	p.seccomp, _ = strconv.Atoi(profiler.StatusField(status, "Seccomp"))
	p.noNew = profiler.StatusField(status, "NoNewPrivs") == "1"
	p.exe, p.hidden = os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)) // a zombie has none
	return p
}

// parseStat reads /proc/PID/stat: the comm in it may hold anything, and ends at the last ')'. See
// proc_pid_stat(5), fields 4 and 22.
func parseStat(text []byte) (parent int, started uint64) {
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 {
		return 0, 0
	}
	parent, _ = strconv.Atoi(fields[1])
	started, _ = strconv.ParseUint(fields[19], 10, 64)
	return parent, started
}

// descendsFrom tells whether a process is another, or was started by it or its children.
func descendsFrom(pid, ancestor int) bool {
	for range 1000 { // deeper than any tree of processes that lasts
		if pid == ancestor {
			return true
		}
		p := readProcess(pid)
		if p == nil || p.parent <= 0 {
			return false
		}
		pid = p.parent
	}
	return false
}

// isEntering tells whether a process in a container is its runtime's and has not made its execve yet (docker exec, just now): it
// was started from outside, is not the leader, and runs a program that does not exist in the container.
func isEntering(pid, leader int, running cgroup.Cgroup) bool {
	p := readProcess(pid)
	if p == nil || pid == leader {
		return false
	}
	if parent, err := pathOfPID(running.Mount, p.parent); err != nil || within(parent, running.Path) {
		return false
	}
	runs, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return false
	}
	inside, err := os.Stat(fmt.Sprintf("/proc/%d/root", pid) + p.exe)
	return err != nil || !os.SameFile(runs, inside)
}

// leaderOf a cgroup that was there before: the oldest of the processes whose parent is
// outside; 0 if there is none.
func leaderOf(c cgroup.Cgroup) int {
	pids, err := c.Procs()
	if err != nil {
		return 0
	}
	inside := map[int]*process{}
	for _, pid := range pids {
		if p := readProcess(pid); p != nil {
			inside[pid] = p
		}
	}
	leader := 0
	for pid, p := range inside {
		if inside[p.parent] != nil {
			continue
		}
		if leader == 0 || p.started < inside[leader].started || (p.started == inside[leader].started && pid < leader) {
			leader = pid
		}
	}
	return leader
}
