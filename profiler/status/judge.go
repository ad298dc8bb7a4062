package status

import "fmt"

// Kind of a finding.
type Kind string

// Kinds of findings.
const (
	// UnconfinedProcess has no filter on any thread, and should.
	UnconfinedProcess Kind = "unconfined-process"
	// UnfilteredThread has no filter, and a sibling has one: what happens when a filter is loaded without
	// SECCOMP_FILTER_FLAG_TSYNC while there are threads.
	UnfilteredThread Kind = "unfiltered-thread"
	// FewerFilters than a sibling are on the thread.
	FewerFilters Kind = "fewer-filters"
	// OtherVerdicts than the profile's come from the filters.
	OtherVerdicts Kind = "other-verdicts"
)

// Finding is something that should be confined, and is not.
type Finding struct {
	Kind Kind
	PID  int
	TID  int // of the thread; 0: of all
	Text string
}

// Judge says what of a process should be confined and is not. Threads are compared with their siblings in any case; a process without
// any filter is a finding if it is expected to have one.
func Judge(p *Process, expected bool) []Finding {
	most := p.most()
	if most.Seccomp == Disabled {
		if !expected {
			return nil
		}
		return []Finding{{UnconfinedProcess, p.PID, 0, "no thread has a filter"}}
	}
	var list []Finding
	for _, t := range p.Threads {
		switch {
		case t.Seccomp == Disabled:
			list = append(list, Finding{UnfilteredThread, p.PID, t.TID, "has no filter, and its siblings have: was it loaded without SECCOMP_FILTER_FLAG_TSYNC?"})
		case t.Seccomp == most.Seccomp && t.Filters < most.Filters:
			list = append(list, Finding{FewerFilters, p.PID, t.TID,
				fmt.Sprintf("has %d of the %d filters that thread %d has: was one loaded without SECCOMP_FILTER_FLAG_TSYNC?", t.Filters, most.Filters, most.TID)})
		}
	}
	return list
}
