package exporter

import (
	"fmt"
	"maps"
	"slices"

	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// archsOf returns the native ABI of every host and the other ABIs that the
// chosen phases used there, sorted. An ABI that was not seen is never covered.
func archsOf(recs []*recording.Recording, chosen []string) ([]Arch, error) {
	subs := map[string]map[string]bool{}
	for _, r := range recs {
		used := abisByHost(r, chosen)
		for _, native := range slices.Sorted(maps.Keys(used)) {
			if syscalls.SeccompArch(syscalls.ABI(native)) == "" {
				return nil, fmt.Errorf("the recording of %s is from a host of architecture %q, which has no table of system calls here: update scallop",
					workloadName(r), native)
			}
			if subs[native] == nil {
				subs[native] = map[string]bool{}
			}
			for _, abi := range used[native] {
				if abi != native {
					subs[native][abi] = true
				}
			}
		}
	}
	var archs []Arch
	for _, native := range slices.Sorted(maps.Keys(subs)) {
		archs = append(archs, Arch{Native: native, Subs: slices.Sorted(maps.Keys(subs[native]))})
	}
	return archs, nil
}

// abisByHost are the ABIs that the chosen phases used, by the architecture of the host.
func abisByHost(r *recording.Recording, chosen []string) map[string][]string {
	if r.Host.Architecture == recording.ArchitectureMany {
		return abisByPart(r, chosen)
	}
	native := r.Host.Architecture
	used := map[string][]string{native: {native}}
	for i := range r.Syscalls {
		if s := &r.Syscalls[i]; inPhases(s, chosen) {
			used[native] = append(used[native], s.ABI)
		}
	}
	return used
}

// abisByPart: of a merged recording from hosts of several architectures, only the parts tell
// which ABI was used on which.
func abisByPart(r *recording.Recording, chosen []string) map[string][]string {
	used := map[string][]string{}
	for i := range r.Parts {
		p := &r.Parts[i]
		native := p.Host.Architecture
		used[native] = append(used[native], native)
		for _, phase := range chosen {
			used[native] = slices.AppendSeq(used[native], maps.Keys(p.Calls[phase]))
		}
	}
	return used
}

func inPhases(s *recording.Syscall, chosen []string) bool {
	for phase := range s.Phases {
		if slices.Contains(chosen, phase) {
			return true
		}
	}
	return false
}

// allABIs are the native ABIs and then the others, each once.
func allABIs(archs []Arch) []string {
	var abis []string
	for _, a := range archs {
		abis = append(abis, a.Native)
	}
	for _, a := range archs {
		for _, sub := range a.Subs {
			if !slices.Contains(abis, sub) {
				abis = append(abis, sub)
			}
		}
	}
	return abis
}

func natives(archs []Arch) []string {
	var abis []string
	for _, a := range archs {
		abis = append(abis, a.Native)
	}
	return abis
}

// having are those of abis whose table has the named call.
func having(abis []string, name string) []string {
	var have []string
	for _, abi := range abis {
		if _, ok := syscalls.Number(syscalls.ABI(abi), name); ok {
			have = append(have, abi)
		}
	}
	return have
}
