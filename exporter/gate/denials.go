package gate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// denials is what denial reports say, summed up.
type denials struct {
	reports   int
	calls     map[callKey]*deniedSeen
	workloads map[string]bool
}

func newDenials() denials {
	return denials{calls: map[callKey]*deniedSeen{}, workloads: map[string]bool{}}
}

// deniedSeen is a call and what it met. Its phases are as of a recording, "" where none is known.
type deniedSeen struct {
	callSeen
	actions map[string]bool
	// enosys: every denial may have been answered with ENOSYS.
	enosys bool
	// starts: it was denied to a runtime that starts the workload.
	starts bool
}

// unknownKernel stands for one that no report tells: the oldest that scallop runs on.
const unknownKernel = "5.10"

// AddDenials takes in one denial report; source is what the user calls it. A report that is in already, by its ID or by those of its
// parts, adds nothing.
func (e *Evidence) AddDenials(source string, r *report.Report) {
	if e.known(r.ID, r.Parts) {
		return
	}
	e.denials.reports++
	if !r.Complete {
		e.incomplete = append(e.incomplete, Incomplete{source, "denials", r.Incomplete})
	}
	if r.Host.Architecture != "" {
		noteKernel(e.kernels, r.Host.Architecture, cmp.Or(r.Host.Kernel, unknownKernel))
	}
	for i := range r.Workloads {
		w := &r.Workloads[i]
		for j := range w.Denials {
			if host := hostOf(w.Denials[j].ABI); e.kernels[host] == "" {
				e.kernels[host] = unknownKernel
			}
			e.denials.add(source, w, &w.Denials[j])
		}
	}
}

func (s *denials) add(source string, w *report.Workload, d *report.Denial) {
	name := cmp.Or(recording.CleanString(w.Name), "an unnamed workload")
	s.workloads[name] = true
	key := callKey{d.ABI, d.Nr}
	if s.calls[key] == nil {
		known, _ := syscalls.Name(syscalls.ABI(d.ABI), d.Nr)
		s.calls[key] = &deniedSeen{callSeen: callSeen{name: cmp.Or(known, d.Name), phases: map[string]PhaseSeen{}}, actions: map[string]bool{}, enosys: true}
	}
	seen := s.calls[key]
	seen.callSeen.add(PhaseSeen{d.Phase, d.Count, 1, First{Source: source, Workload: name, Comm: d.Who.Comm, Exe: d.Who.Exe, PID: d.Who.PID, at: d.First}})
	seen.actions[actionOf(d)] = true
	seen.enosys = seen.enosys && d.Action == report.Errno && (d.Return == nil || *d.Return == -policy.ENOSYS)
	seen.starts = seen.starts || d.Phase == recording.PhaseHandover || d.Phase == "" && isRuntime(d.Who.Comm)
}

func actionOf(d *report.Denial) string {
	if d.Return == nil {
		return d.Action
	}
	return fmt.Sprintf("%s %d", d.Action, *d.Return)
}

// list are the calls, the most frequent first.
func (s *denials) list() []Call {
	var calls []Call
	for key, seen := range s.calls {
		calls = append(calls, seen.call(key))
	}
	slices.SortFunc(calls, compareCalls)
	return calls
}

func (s *denials) of(c *Call) *deniedSeen { return s.calls[callKey{c.ABI, c.Nr}] }

func (s *denials) to() []string { return slices.Sorted(maps.Keys(s.workloads)) }
