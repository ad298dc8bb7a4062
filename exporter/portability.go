package exporter

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/exporter/portability"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Portabilities are the values of Options.Portability, the least first.
func Portabilities() []string { return portability.Levels() }

// reach is how far the profile must carry beyond what was recorded.
type reach struct {
	level portability.Level
	// extra are the native ABIs that no recording is from, sorted.
	extra []string
}

// chooseReach reads the options; archs are those of the recordings.
func chooseReach(opts Options, archs []Arch) (*reach, error) {
	r := &reach{level: portability.Libc}
	if len(opts.Archs) > 0 {
		r.level = portability.Arch
	}
	if opts.Portability != "" {
		level, err := portability.ParseLevel(opts.Portability)
		if err != nil {
			return nil, err
		}
		if len(opts.Archs) > 0 && level != portability.Arch {
			return nil, fmt.Errorf("architectures are added with portability %s, not with %s: leave out one of the two", portability.Arch, level)
		}
		r.level = level
	}
	if r.level != portability.Arch {
		return r, nil
	}
	wanted := opts.Archs
	if len(wanted) == 0 {
		wanted = portability.Recordable()
	}
	for _, name := range wanted {
		abi, err := portability.ParseArch(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(natives(archs), abi) && !slices.Contains(r.extra, abi) {
			r.extra = append(r.extra, abi)
		}
	}
	slices.Sort(r.extra)
	return r, nil
}

// cover adds the extra architectures.
func (r *reach) cover(archs []Arch) []Arch {
	for _, abi := range r.extra {
		archs = append(archs, Arch{Native: abi})
	}
	slices.SortFunc(archs, func(a, b Arch) int { return strings.Compare(a.Native, b.Native) })
	return archs
}

// carried is what portability adds to the calls that were seen.
type carried struct {
	calls    map[string][]portability.Added
	answered map[string]portability.Answered
}

func (c *carried) take(closure *portability.Closure) {
	for _, a := range closure.Added {
		c.calls[a.Name] = append(c.calls[a.Name], a)
	}
	for _, a := range closure.Answered {
		if have, ok := c.answered[a.Name]; ok {
			a.ABIs = slices.Compact(slices.Sorted(slices.Values(append(a.ABIs, have.ABIs...))))
		}
		c.answered[a.Name] = a
	}
}

// carry closes over the workload's own calls: for each ABI over those that were seen in it, and
// with level arch for each host over those of all. A runtime's calls are those of all its
// versions already; only on an architecture that nobody measured are they translated.
func (r *reach) carry(archs []Arch, seen map[string]*seenCall, handover []handoverCall, starts bool) *carried {
	c := &carried{map[string][]portability.Added{}, map[string]portability.Answered{}}
	for _, abi := range allABIs(archs) {
		all := r.level == portability.Arch && slices.Contains(natives(archs), abi)
		var own []string
		for _, name := range slices.Sorted(maps.Keys(seen)) {
			if s := seen[name]; s.own() && (all || s.abis[abi]) {
				own = append(own, name)
			}
		}
		if starts && slices.Contains(natives(archs), abi) {
			own = append(own, "execve") // the runtime's, into the workload's C library
		}
		c.take(portability.Close(own, r.level, []string{abi}))
	}
	for _, abi := range r.extra {
		c.take(portability.Close(foreign(handover, seen, abi), r.level, []string{abi}))
	}
	return c
}

// foreign are the runtime's calls that the ABI does not have.
func foreign(handover []handoverCall, seen map[string]*seenCall, abi string) []string {
	var names []string
	for _, h := range handover {
		names = append(names, h.name)
	}
	for name, s := range seen {
		if !s.own() {
			names = append(names, name)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return len(having([]string{abi}, name)) > 0 })
}

// own tells whether the workload made the call, and not only the runtime for it.
func (s *seenCall) own() bool {
	for phase := range s.phases {
		if phase != recording.PhaseHandover {
			return true
		}
	}
	return false
}

// addCarried adds what was carried to an entry that the workload was not seen to need. The entry is
// limited to some arguments only if nothing else wants it, and every ABI can do with these: a
// rule is for all of them.
func (e *Entry) addCarried(list []portability.Added) {
	if len(list) == 0 || e.Has(Observed) {
		return
	}
	widest := &list[0]
	var abis []string
	for i := range list {
		abis = append(abis, list[i].ABIs...)
		if widest.Condition != nil && list[i].Condition == nil {
			widest = &list[i]
		}
	}
	if len(e.Reasons) == 0 {
		e.Condition = widest.Condition
	}
	e.add(Portability, widest.Text(), abis)
}

// answers are the calls that are to be denied with ENOSYS, sorted, but for those that are allowed.
func answers(c *carried, entries []Entry) []portability.Answered {
	var list []portability.Answered
	for _, name := range slices.Sorted(maps.Keys(c.answered)) {
		if !slices.ContainsFunc(entries, func(e Entry) bool { return e.Name == name }) {
			list = append(list, c.answered[name])
		}
	}
	return list
}

// unmappedWarnings say what an added architecture may lack.
func (r *reach) unmappedWarnings(seen map[string]*seenCall) []string {
	var list []string
	for _, abi := range r.extra {
		text := fmt.Sprintf("%s was added without a recording from there: its calls were translated by name", abi)
		if lacking := portability.Unmapped(slices.Collect(maps.Keys(seen)), abi); len(lacking) > 0 {
			text += fmt.Sprintf("; nothing there stands for %s: record on %s what needs it", Enumerate(lacking), abi)
		}
		list = append(list, text)
	}
	return list
}
