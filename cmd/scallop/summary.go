package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// summarize tells in a few lines what a recording holds, and what it does not.
func summarize(w io.Writer, r *recording.Recording, path string) {
	var total uint64
	for _, s := range r.Syscalls {
		total += s.Total
	}
	fmt.Fprintf(w, "scallop: %s: %d calls of %d different system calls in %s\n",
		r.Workload.Name, total, len(r.Syscalls), time.Duration(r.DurationNs).Round(time.Millisecond))
	fmt.Fprintf(w, "scallop: the command %s\n", r.Workload.Leader.End)
	for _, p := range r.Phases {
		calls, kinds := phaseCounts(r, p.Name)
		trigger := p.Trigger.Kind
		if p.Trigger.Detail != "" {
			trigger += ": " + p.Trigger.Detail
		}
		fmt.Fprintf(w, "scallop:   %-9s %10s from %-9s %d calls, %d different (%s)\n", p.Name,
			time.Duration(p.EndNs-p.StartNs).Round(time.Millisecond),
			time.Duration(p.StartNs).Round(time.Millisecond), calls, kinds, trigger)
	}
	if len(r.Unreached) > 0 {
		fmt.Fprintf(w, "scallop: never reached: %s; calls of these phases are unknown\n", strings.Join(r.Unreached, ", "))
	}
	if r.Workload.Seccomp != 0 {
		fmt.Fprintln(w, "scallop: warning: the command ran under a seccomp filter: what that denies was not seen")
	}
	if path != "-" {
		fmt.Fprintf(w, "scallop: wrote %s; next: scallop show %s\n", path, path)
	}
}

func phaseCounts(r *recording.Recording, phase string) (calls uint64, kinds int) {
	for _, s := range r.Syscalls {
		if p, ok := s.Phases[phase]; ok {
			calls += p.Count
			kinds++
		}
	}
	return calls, kinds
}
