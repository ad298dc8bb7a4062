package gate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// foldKey is all that tells two recordings apart for the exporter, but for their calls: recordings
// with the same key fold into one, and the profile of the folds is that of the recordings.
type foldKey struct {
	name, kind, arch, kernel  string
	runtime, noNewPrivs       string
	seccomp                   int
	complete, attached, ended bool
}

func keyOf(r *recording.Recording) foldKey {
	key := foldKey{
		name: r.Workload.Name, kind: r.Workload.Kind, arch: r.Host.Architecture, kernel: r.Host.Kernel,
		noNewPrivs: "unknown", seccomp: r.Workload.Seccomp, complete: r.Complete,
		attached: len(r.Phases) > 0 && r.Phases[0].Trigger.Kind == "attached",
		ended:    r.Workload.Leader.ExitCode != nil,
	}
	if c := r.Workload.Container; c != nil {
		key.runtime = c.Runtime
	}
	if set := r.Workload.NoNewPrivs; set != nil {
		key.noNewPrivs = fmt.Sprint(*set)
	}
	return key
}

func (k foldKey) compare(l foldKey) int { return strings.Compare(fmt.Sprint(k), fmt.Sprint(l)) }

// fold is many recordings of one kind as one.
type fold struct {
	rec   *recording.Recording // of the first; without calls
	calls map[callKey]*callSeen
}

type callKey struct {
	abi string
	nr  int
}

// callSeen is a call under way to a Call.
type callSeen struct {
	name   string
	phases map[string]PhaseSeen
}

func newFold(r *recording.Recording) *fold {
	first := *r
	first.Syscalls, first.Phases, first.Gaps = nil, nil, nil
	return &fold{rec: &first, calls: map[callKey]*callSeen{}}
}

func (f *fold) add(source string, r *recording.Recording) {
	f.rec.Gaps = append(f.rec.Gaps, r.Gaps...)
	for _, p := range r.Phases {
		f.addPhase(p)
	}
	for i := range r.Syscalls {
		s := &r.Syscalls[i]
		key := callKey{s.ABI, s.Nr}
		if f.calls[key] == nil {
			f.calls[key] = &callSeen{name: nameOf(s), phases: map[string]PhaseSeen{}}
		}
		for phase, p := range s.Phases {
			f.calls[key].add(PhaseSeen{phase, p.Count, 1, firstOf(source, r, p.First)})
		}
	}
}

// addPhase keeps each phase once: its times mean nothing over several recordings.
func (f *fold) addPhase(p recording.Phase) {
	if !slices.ContainsFunc(f.rec.Phases, func(q recording.Phase) bool { return q.Name == p.Name }) {
		f.rec.Phases = append(f.rec.Phases, p)
	}
}

func firstOf(source string, r *recording.Recording, f recording.FirstCall) First {
	return First{
		Source: source, Workload: Workload(r), OffsetNs: f.OffsetNs, Comm: f.Comm, Exe: f.Exe, PID: f.PID,
		at: r.StartedAt.Add(time.Duration(f.OffsetNs)),
	}
}

func (c *callSeen) merge(other *callSeen) {
	for _, p := range other.phases {
		c.add(p)
	}
}

func (c *callSeen) add(p PhaseSeen) {
	have, ok := c.phases[p.Phase]
	if !ok {
		c.phases[p.Phase] = p
		return
	}
	have.Count = addCapped(have.Count, p.Count)
	have.Recordings += p.Recordings
	if p.First.before(have.First) {
		have.First = p.First
	}
	c.phases[p.Phase] = have
}

func (c *callSeen) call(key callKey) Call {
	return Call{ABI: key.abi, Nr: key.nr, Name: c.name, Phases: c.list()}
}

func (c *callSeen) list() []PhaseSeen {
	var list []PhaseSeen
	for _, phase := range inLifeOrder(slices.Collect(maps.Keys(c.phases))) {
		list = append(list, c.phases[phase])
	}
	return list
}

// recording is the fold as the exporter reads it.
func (f *fold) recording() *recording.Recording {
	r := *f.rec
	for key, seen := range f.calls {
		s := recording.Syscall{ABI: key.abi, Nr: key.nr, Name: seen.name, Phases: map[string]recording.PhaseCount{}}
		for phase, p := range seen.phases {
			s.Phases[phase] = recording.PhaseCount{Count: p.Count, First: recording.FirstCall{OffsetNs: p.First.OffsetNs, Comm: p.First.Comm, Exe: p.First.Exe, PID: p.First.PID}}
			s.Total = addCapped(s.Total, p.Count)
		}
		r.Syscalls = append(r.Syscalls, s)
	}
	slices.SortFunc(r.Syscalls, func(a, b recording.Syscall) int {
		return cmp.Or(cmp.Compare(a.ABI, b.ABI), cmp.Compare(a.Nr, b.Nr))
	})
	return &r
}

func title(name string, nr int) string {
	if name == "" {
		return fmt.Sprintf("number %d", nr)
	}
	return name
}
