// Package status tells what is really enforced on processes: it reads what the kernel says of every thread, and judges
// that. Reading (read.go, attach.go) is the edge; parsing and judging are pure.
package status

// Modes of seccomp, as in /proc/PID/status.
const (
	Disabled = 0 // no filter
	Strict   = 1 // read, write, _exit and sigreturn only
	Filter   = 2
)

// UnknownFilters is the number of filters where the kernel does not tell (before Linux 5.9).
const UnknownFilters = -1

// Thread is one thread of a process, as the kernel describes it.
type Thread struct {
	TID        int
	Comm       string // its own choice: it may hold anything
	Seccomp    int    // the mode
	Filters    int    // how many are in force, or UnknownFilters
	NoNewPrivs bool
	Dead       bool // a zombie: nothing is enforced on it any more
}

// Process is a live one.
type Process struct {
	PID      int
	Exe      string   // empty if it cannot be read; it may hold anything
	Bounding []string // capabilities that it can ever have
	Threads  []Thread // sorted; those that are alive
}

// Comm is that of the process: of its first thread, or of the first that is left.
func (p *Process) Comm() string { return p.Threads[0].Comm }

// most is the most that a thread of the process has.
func (p *Process) most() Thread {
	var best Thread
	for _, t := range p.Threads {
		if t.Seccomp > best.Seccomp || t.Seccomp == best.Seccomp && t.Filters > best.Filters {
			best = t
		}
	}
	return best
}

// Confined tells whether a thread of the process has a filter.
func (p *Process) Confined() bool { return p.most().Seccomp != Disabled }
