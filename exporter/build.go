package exporter

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/exporter/baselines"
	"github.com/scallop-sec/scallop/exporter/portability"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Options choose what of the recordings becomes the profile.
type Options struct {
	// Phases to export; none means all but setup. Calls of the handover go with startup.
	Phases []string
	// Runtime whose own calls are added: runc, crun, all or none. Empty means none if the
	// profile need not let a container start (see Phases), or else those that the
	// recordings' containers had, all for one that is not known, and runc where there is no container.
	Runtime string
	// NoNewPrivs says with which setting the profile must let a container start: yes, no
	// or any. Empty means that of the recordings' containers if all agree, and any otherwise.
	NoNewPrivs string
	// Portability is how far the profile must carry: none, libc or arch; see package portability.
	// Empty means libc, or arch if Archs are given.
	Portability string
	// Archs are further architectures to cover, by the names of their ABIs or by Go's; with
	// Portability arch, none means those that scallop can record on.
	Archs []string
	// AllowIncomplete takes recordings that say that they miss calls.
	AllowIncomplete bool
}

// Build makes the allow-list of what the recordings saw, what the runtime needs and what
// every process needs. The order of the recordings does not matter. Errors are
// *IncompleteError, or name what is wrong with which input.
func Build(recs []*recording.Recording, opts Options) (*Profile, error) {
	if len(recs) == 0 {
		return nil, errors.New("no recording: give at least one")
	}
	if err := checkComplete(recs, opts.AllowIncomplete); err != nil {
		return nil, err
	}
	start, err := chooseStart(recs, opts)
	if err != nil {
		return nil, err
	}
	chosen, err := choosePhases(phasesOf(recs), opts.Phases)
	if err != nil {
		return nil, err
	}
	archs, err := archsOf(recs, chosen)
	if err != nil {
		return nil, err
	}
	reach, err := chooseReach(opts, archs)
	if err != nil {
		return nil, err
	}
	seen, err := union(recs, chosen)
	if err != nil {
		return nil, err
	}
	p := &Profile{
		Workloads:  distinct(recs, workloadName),
		Kernels:    distinct(recs, func(r *recording.Recording) string { return recording.CleanString(r.Host.Kernel) }),
		Archs:      reach.cover(archs),
		Carried:    reach.extra,
		Phases:     chosen,
		Runtimes:   start.families,
		NoNewPrivs: start.noNewPrivs,
		Warnings:   append(warnings(recs, opts), reach.unmappedWarnings(seen)...),
	}
	carried := reach.carry(p.Archs, seen, start.calls, withStart(opts.Phases))
	p.Entries = entries(p, seen, start.calls, carried.calls)
	p.Answered = answers(carried, p.Entries)
	return p, nil
}

// start is what the profile must allow so that a container starts under it.
type start struct {
	families   []string
	noNewPrivs string
	calls      []handoverCall
}

func chooseStart(recs []*recording.Recording, opts Options) (*start, error) {
	s := &start{}
	var err error
	if s.families, err = chooseFamilies(recs, opts); err != nil {
		return nil, err
	}
	if s.noNewPrivs, err = chooseNoNewPrivs(recs, opts.NoNewPrivs); err != nil {
		return nil, err
	}
	shipped, err := baselines.Shipped()
	if err != nil {
		return nil, fmt.Errorf("%w; this is a bug in scallop, please report it", err)
	}
	s.calls = handoverCalls(shipped, s.families, s.noNewPrivs)
	return s, nil
}

func checkComplete(recs []*recording.Recording, allow bool) error {
	if allow {
		return nil
	}
	// All of them, sorted: the first may depend on the order of the input.
	var bad []*IncompleteError
	for _, r := range recs {
		if r.Complete {
			continue
		}
		why := "no reason given"
		if len(r.Incomplete) > 0 {
			why = recording.CleanString(r.Incomplete[0])
		}
		bad = append(bad, &IncompleteError{workloadName(r), why})
	}
	if len(bad) == 0 {
		return nil
	}
	return slices.MinFunc(bad, func(a, b *IncompleteError) int {
		return cmp.Or(cmp.Compare(a.Workload, b.Workload), cmp.Compare(a.Why, b.Why))
	})
}

// entries merges the observed calls with those of the runtime, of other libraries and the base.
func entries(p *Profile, seen map[string]*seenCall, handover []handoverCall, carried map[string][]portability.Added) []Entry {
	byName := map[string]*Entry{}
	get := func(name string) *Entry {
		if byName[name] == nil {
			byName[name] = &Entry{Name: name}
		}
		return byName[name]
	}
	for name, c := range seen {
		*get(name) = seenEntry(name, c)
	}
	for _, c := range handover {
		if abis := having(natives(p.Archs), c.name); len(abis) > 0 {
			get(c.name).add(Handover, c.text, abis)
		}
	}
	for name, list := range carried {
		get(name).addCarried(list)
	}
	for _, c := range baseCalls {
		if abis := having(c.of(allABIs(p.Archs)), c.name); len(abis) > 0 {
			get(c.name).add(Base, c.why, abis)
		}
	}
	var list []Entry
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		list = append(list, *byName[name])
	}
	slices.SortStableFunc(list, func(a, b Entry) int { return cmp.Compare(b.Count, a.Count) })
	return list
}

// seenEntry splits what was seen into the workload's own calls and those of
// the runtime in the handover.
func seenEntry(name string, c *seenCall) Entry {
	e := Entry{Name: name, ABIs: slices.Sorted(maps.Keys(c.abis))}
	var own []string
	for _, phase := range inLifeOrder(c.phases) {
		n := c.phases[phase]
		e.Count = addCapped(e.Count, n)
		e.Phases = append(e.Phases, PhaseCount{phase, n})
		if phase != recording.PhaseHandover {
			own = append(own, fmt.Sprintf("%s %d", phase, n))
		}
	}
	if len(own) > 0 {
		e.add(Observed, strings.Join(own, ", "), nil)
	}
	if n := c.phases[recording.PhaseHandover]; n > 0 {
		e.add(Handover, fmt.Sprintf("recorded, handover %d", n), nil)
	}
	return e
}

// add notes a reason. Those that come later are weaker: Reasons stays sorted.
func (e *Entry) add(r Reason, text string, abis []string) {
	e.Reasons = append(e.Reasons, Evidence{r, text})
	e.ABIs = slices.Compact(slices.Sorted(slices.Values(append(e.ABIs, abis...))))
}

func (c *baseCall) of(abis []string) []string {
	if c.abis == nil {
		return abis
	}
	return slices.DeleteFunc(slices.Clone(abis), func(abi string) bool { return !slices.Contains(c.abis, abi) })
}

// inLifeOrder returns the names in phases: lifecycle phases in order, others by name before shutdown.
func inLifeOrder(phases map[string]uint64) []string {
	names := slices.Sorted(maps.Keys(phases))
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(lifeRank(a), lifeRank(b)) })
	return names
}

func lifeRank(phase string) int {
	switch i := slices.Index(recording.Lifecycle, phase); i {
	case -1:
		return len(recording.Lifecycle) // marked: after steady, before shutdown
	case len(recording.Lifecycle) - 1:
		return len(recording.Lifecycle) + 1
	default:
		return i
	}
}

func distinct(recs []*recording.Recording, of func(*recording.Recording) string) []string {
	var list []string
	for _, r := range recs {
		list = append(list, of(r))
	}
	slices.Sort(list)
	return slices.Compact(list)
}
