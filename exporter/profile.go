// Package exporter turns recordings into seccomp allow-lists and writes them in
// the formats of those who enforce them. Everything here is a pure function of
// its arguments: no kernel, no clock, no files, on any operating system.
package exporter

import "github.com/scallop-sec/scallop/exporter/portability"

// Reason is why a call is in a profile.
type Reason string

// The reasons, strongest first: an observed call needs no other.
const (
	// Observed: the workload made the call in one of the chosen phases.
	Observed Reason = "observed"
	// Denied: a filter denied the call to the workload, and whoever reviewed that took it in.
	Denied Reason = "denied"
	// Handover: the runtime makes the call after the filter is loaded and
	// before the workload's execve.
	Handover Reason = "handover"
	// Portability: another C library, kernel or architecture would make this call instead
	// of an observed one.
	Portability Reason = "portability"
	// Base: no process and no container start works without it.
	Base Reason = "base"
)

// Profile is an allow-list with its evidence. It is the same for the same
// recordings, whatever their order.
type Profile struct {
	// Workloads and Kernels say where the evidence is from, sorted, each once.
	Workloads []string
	Kernels   []string
	// Archs are the native ABIs of the recordings' hosts and those that were asked for, and for
	// each the further ABIs that calls were seen in: all that the profile covers.
	Archs []Arch
	// Carried are those of Archs that no recording is from, sorted.
	Carried []string
	// Phases are the chosen ones, in the order of a life.
	Phases []string
	// Runtimes names the families of container runtimes whose own calls are in, sorted, and
	// NoNewPrivs the setting that these are for: yes, no or any.
	Runtimes   []string
	NoNewPrivs string
	// Entries are ranked: by count, descending, ties by name.
	Entries []Entry
	// Answered are calls that are denied with ENOSYS whatever the default is, so that C libraries
	// fall back to an allowed one; sorted by name.
	Answered []portability.Answered
	// Warnings are what a person should know before using the profile, a
	// sentence each.
	Warnings []string
}

// Arch is the native ABI of a host, and the other ABIs seen on such hosts.
type Arch struct {
	Native string
	Subs   []string
}

// Entry is one allowed name.
type Entry struct {
	Name string
	// Count is how often the call was made in the chosen phases, over all ABIs
	// and recordings; zero for a call that nobody was seen to make.
	Count uint64
	// Phases splits Count, in the order of a life; handover is the runtime's part.
	Phases []PhaseCount
	// ABIs are those that the call is needed in, sorted. A seccomp rule
	// holds a name and applies to every ABI of the profile that has the name.
	ABIs []string
	// Reasons are all that hold, strongest first, each with its evidence.
	Reasons []Evidence
	// Condition limits the call to some arguments; nil for all but a few that only portability added.
	Condition *portability.Condition
}

// PhaseCount is how often a call was made in one phase.
type PhaseCount struct {
	Phase string
	Count uint64
}

// Evidence is a reason and the text that supports it, e.g. "steady 1200,
// startup 3" or "runc 1.1.5, measured".
type Evidence struct {
	Reason Reason
	Text   string
}

// Has tells whether r is one of the entry's reasons.
func (e *Entry) Has(r Reason) bool {
	for _, ev := range e.Reasons {
		if ev.Reason == r {
			return true
		}
	}
	return false
}
