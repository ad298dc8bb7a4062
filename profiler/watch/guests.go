package watch

import (
	"fmt"
	"maps"
	"slices"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// guests are processes that came into workloads while they ran, by process ID. A container runtime's makes its execve
// within moments; until then, all that a process calls is setup, which is in no profile. One that stays without
// an execve is the workload's own in truth: its recording is incomplete.
type guests map[int]*guest

type guest struct {
	workload int
	exe      string // raw bytes
	looks    int    // that found it there
}

// settledIn is how many looks a runtime's process is given.
const settledIn = 3

// sweep forgets processes that did not join, and keeps those that did and stay.
func (w *watch) sweep() {
	strays, inside, err := w.recorder.SweepEntrants(w.strays)
	if err != nil {
		w.opts.Warn("%v", err)
		return
	}
	w.strays = strays
	w.guests.look(inside, readProcess)
}

func (g *guests) look(inside profiler.Entrants, read func(pid int) *process) {
	if *g == nil {
		*g = guests{}
	}
	for pid, number := range inside {
		one := (*g)[pid]
		if one == nil || one.workload != number {
			one = &guest{workload: number}
			(*g)[pid] = one
		}
		one.looks++
		if p := read(pid); p != nil {
			one.exe = p.exe
		}
	}
	maps.DeleteFunc(*g, func(pid int, one *guest) bool {
		_, stays := inside[pid]
		// Those that ended without an execve remain; of those that ended in the same second it is not known.
		return !stays && (one.looks < settledIn || read(pid) != nil)
	})
}

func (g guests) forget(workload int) {
	maps.DeleteFunc(g, func(_ int, one *guest) bool { return one.workload == workload })
}

// reasons are why the workload's recording is incomplete. A container that is created and was not started waits
// with its runtime's process inside.
func (g guests) reasons(one *workload) []string {
	if one.place.kind == recording.KindContainer && !one.life.Leader.Known() {
		return nil
	}
	var reasons []string
	for _, pid := range slices.Sorted(maps.Keys(g)) {
		if at := g[pid]; at.workload == one.number && at.looks >= settledIn {
			reasons = append(reasons, fmt.Sprintf("pid %d (%s) came in while it ran and made no execve: its calls are filed under setup, which no profile has: record it from its own start",
				pid, recording.CleanString(at.exe)))
		}
	}
	return reasons
}
