package recording

import "slices"

// Lifecycle lists the phases that every workload can go through, in the order of
// a life. All other names were marked by a user.
var Lifecycle = []string{PhaseSetup, PhaseHandover, PhaseStartup, PhaseSteady, PhaseShutdown}

// PhaseNames returns every phase of r once, in the order of a life: setup,
// handover, startup, steady, phases marked by a user in the order they began,
// shutdown. Phases that only calls mention are included.
func PhaseNames(r *Recording) []string {
	seen := map[string]bool{}
	var marked []string
	see := func(name string) {
		if !seen[name] && !slices.Contains(Lifecycle, name) {
			marked = append(marked, name)
		}
		seen[name] = true
	}
	for _, p := range r.Phases {
		see(p.Name)
	}
	for i := range r.Syscalls {
		// Nearly always all are listed: sorting them for each call would be most of the time.
		if phases := r.Syscalls[i].Phases; hasOther(phases, seen) {
			for _, name := range sortedKeys(phases) {
				see(name)
			}
		}
	}
	var names []string
	for _, name := range Lifecycle {
		if name == PhaseShutdown {
			names = append(names, marked...)
		}
		if seen[name] {
			names = append(names, name)
		}
	}
	return names
}

// Reached tells whether r has a stretch of the named phase, or a call in it.
func Reached(r *Recording, name string) bool {
	return slices.Contains(PhaseNames(r), name)
}

func hasOther(phases map[string]PhaseCount, seen map[string]bool) bool {
	for name := range phases {
		if !seen[name] {
			return true
		}
	}
	return false
}
