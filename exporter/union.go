package exporter

import (
	"fmt"
	"math"
	"slices"

	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// seenCall is what was seen of one name, over all recordings.
type seenCall struct {
	phases map[string]uint64 // counts
	abis   map[string]bool
}

// union adds up the calls of the chosen phases by name. Counts stop at
// the largest number: they do not wrap.
func union(recs []*recording.Recording, chosen []string) (map[string]*seenCall, error) {
	seen := map[string]*seenCall{}
	for _, r := range recs {
		for i := range r.Syscalls {
			if err := addCall(seen, r, &r.Syscalls[i], chosen); err != nil {
				return nil, err
			}
		}
	}
	return seen, nil
}

func addCall(seen map[string]*seenCall, r *recording.Recording, s *recording.Syscall, chosen []string) error {
	var name string
	for phase, p := range s.Phases {
		if !slices.Contains(chosen, phase) {
			continue
		}
		if name == "" {
			var err error
			if name, err = nameOf(r, s); err != nil {
				return err
			}
		}
		c := seen[name]
		if c == nil {
			c = &seenCall{phases: map[string]uint64{}, abis: map[string]bool{}}
			seen[name] = c
		}
		c.phases[phase] = addCapped(c.phases[phase], p.Count)
		c.abis[s.ABI] = true
	}
	return nil
}

// nameOf trusts the tables over the file: a profile allows by name, so a wrong
// name in the recording would allow another call than the one that was seen.
func nameOf(r *recording.Recording, s *recording.Syscall) (string, error) {
	known, ok := syscalls.Name(syscalls.ABI(s.ABI), s.Nr)
	switch {
	case ok && s.Name != "" && s.Name != known:
		return "", fmt.Errorf("the recording of %s calls number %d of ABI %s %s, but it is %s: record again",
			workloadName(r), s.Nr, s.ABI, s.Name, known)
	case ok:
		return known, nil
	case s.Name != "" && syscalls.SeccompArch(syscalls.ABI(s.ABI)) != "":
		// A newer scallop knew it: seccomp needs no more than the name.
		return s.Name, nil
	}
	return "", fmt.Errorf("call number %d of ABI %s, recorded on kernel %s, has no name, and a profile allows by name: update scallop, or leave out its phase with --phases",
		s.Nr, s.ABI, recording.CleanString(r.Host.Kernel))
}

func addCapped(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

func workloadName(r *recording.Recording) string {
	if r.Workload.Name == "" {
		return "an unnamed workload"
	}
	return recording.CleanString(r.Workload.Name)
}
