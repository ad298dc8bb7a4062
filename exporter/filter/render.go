package filter

import (
	"slices"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Render makes the program of a profile for one host: with the shortest path for what was counted, as a tree if nothing
// was that the host could call.
func Render(p *policy.Policy, h policy.Host, counts Counts) (Program, error) {
	r, err := p.Resolve(h)
	if err != nil {
		return nil, err
	}
	counts = counts.For(r)
	if len(counts.weights()) == 0 {
		return Compile(r, Options{Order: Tree})
	}
	return Compile(r, Options{Order: Weighted, Counts: counts})
}

// For are the counts as the host would have made the calls. Those of an ABI that the host's filter does not cover
// are counted under the same name of the native one, if it has that name.
func (c Counts) For(r *policy.Resolved) Counts {
	out := Counts{}
	for call, n := range c {
		if !slices.Contains(r.ABIs, call.ABI) {
			name, _ := syscalls.Name(call.ABI, call.Nr)
			nr, ok := syscalls.Number(r.Native, name)
			if !ok {
				continue
			}
			call = Call{r.Native, nr}
		}
		out.add(call, n)
	}
	return out
}
