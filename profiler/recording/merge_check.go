package recording

import (
	"errors"
	"fmt"
	"slices"
)

// checkParts wants a merged recording to be what its parts make it, and a plain one to have none.
// Texts that are derived from the parts are not compared: another version may put them otherwise.
func checkParts(r *Recording) error {
	if len(r.Parts) == 1 {
		return errors.New("parts has one entry: two recordings or more make a merged one")
	}
	for i := range r.Parts {
		if i > 0 && r.Parts[i-1].ID >= r.Parts[i].ID {
			return errors.New("parts are not sorted by id, each once")
		}
		if err := checkPart(&r.Parts[i]); err != nil {
			return fmt.Errorf("parts[%d]: %w", i, err)
		}
	}
	if err := checkPartIDs(r); err != nil || len(r.Parts) == 0 {
		return err
	}
	return checkDerived(r)
}

// checkPart checks a part as the recording that it was.
func checkPart(p *Part) error {
	plain := &Recording{
		APIVersion: APIVersion, Kind: Kind, ID: p.ID, Complete: p.Complete, Incomplete: p.Incomplete, StartedAt: p.StartedAt,
		DurationNs: p.DurationNs, Workload: p.Workload, Host: p.Host, Losses: p.Losses,
	}
	for _, check := range []func(*Recording) error{checkIdentity, checkTimes, checkLosses} {
		if err := check(plain); err != nil {
			return err
		}
	}
	if _, err := startOf(plain); err != nil {
		return err
	}
	if p.Host.Architecture == ArchitectureMany {
		return errors.New("host.architecture is not that of one host")
	}
	if err := checkPartUnreached(p); err != nil {
		return err
	}
	return checkPartCalls(p)
}

func checkPartUnreached(p *Part) error {
	for i, name := range p.Unreached {
		known := name == PhaseStartup || name == PhaseSteady || name == PhaseShutdown
		if !known || slices.Contains(p.Unreached[:i], name) || p.Calls[name] != nil {
			return fmt.Errorf("unreached[%d] is not one of startup, steady and shutdown, each once, and without calls", i)
		}
	}
	return nil
}

func checkPartCalls(p *Part) error {
	for _, phase := range sortedKeys(p.Calls) {
		for _, abi := range sortedKeys(p.Calls[phase]) {
			if err := p.Calls[phase][abi].check(); err != nil {
				return fmt.Errorf("calls of phase %s, ABI %s: %w", quote(phase), quote(abi), err)
			}
		}
	}
	return nil
}

// checkPartIDs: stretches, gaps and first calls of a merged recording name one of its parts.
func checkPartIDs(r *Recording) error {
	made := map[string]bool{}
	for i := range r.Parts {
		made[r.Parts[i].ID] = true
	}
	known := func(id string) bool { return made[id] || len(r.Parts) == 0 && id == "" }
	for i, p := range r.Phases {
		if !known(p.Part) {
			return fmt.Errorf("phases[%d].part is not in parts", i)
		}
	}
	for i, g := range r.Gaps {
		if !known(g.Part) {
			return fmt.Errorf("gaps[%d].part is not in parts", i)
		}
	}
	for i := range r.Syscalls {
		s := &r.Syscalls[i]
		for _, phase := range sortedKeys(s.Phases) {
			if !known(s.Phases[phase].First.Part) {
				return fmt.Errorf("syscalls: %s number %d: the part of its first call in %s is not in parts", s.ABI, s.Nr, phase)
			}
		}
	}
	return nil
}

// checkDerived compares everything of r that is a figure with what the parts give.
func checkDerived(r *Recording) error {
	start, end := reach(r.Parts)
	losses, err := mergedLosses(r.Parts)
	if err != nil {
		return err
	}
	for reason := range losses {
		if losses[reason] != r.Losses[reason] {
			return fmt.Errorf("losses: %s is not the sum of the parts", reason)
		}
	}
	switch {
	case r.ID != mergedID(r.Parts):
		return errors.New("id is not that of the parts")
	case r.StartedAt.UnixNano() != start || r.DurationNs != end-start:
		return errors.New("startedAt and durationNs are not those of the parts")
	case len(losses) != len(r.Losses):
		return errors.New("losses has a reason that no part has")
	case r.Complete != !slices.ContainsFunc(r.Parts, func(p Part) bool { return !p.Complete }):
		return errors.New("complete is true if, and only if, all parts are complete")
	case r.Host.Architecture != mergedHost(r.Parts).Architecture:
		return errors.New("host.architecture is not that of the parts")
	case !slices.Equal(r.Unreached, mergedUnreached(r)):
		return errors.New("unreached is not what no part reached")
	}
	return checkSums(r)
}

// checkSums: every count is the sum of those of the parts.
func checkSums(r *Recording) error {
	sums, err := sumCalls(r.Parts)
	if err != nil {
		return err
	}
	for i := range r.Syscalls {
		s := &r.Syscalls[i]
		for _, phase := range sortedKeys(s.Phases) {
			key := phaseKey{callKey{s.ABI, s.Nr}, phase}
			if n := s.Phases[phase].Count; sums[key] != n {
				return fmt.Errorf("syscalls: %s number %d: count in %s is %d, but its parts sum to %d", s.ABI, s.Nr, phase, n, sums[key])
			}
			delete(sums, key)
		}
	}
	if len(sums) > 0 {
		return errors.New("a part has calls that syscalls does not list")
	}
	return nil
}

// checkMergedWorkload is checkWorkload for a merged recording: replicas have no container ID
// in common, and many workloads may be containers in part.
func checkMergedWorkload(w *Workload) error {
	if w.Kind == KindMany {
		return nil
	}
	one := *w
	if w.Container != nil && w.Container.ID == "" {
		one.Container = &Container{ID: "several"}
	}
	return checkWorkload(&one)
}
