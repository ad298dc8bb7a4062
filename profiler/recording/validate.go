package recording

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// Validate returns the first contradiction in r, naming the field; nil if there
// is none. It wants the calls ranked, as Encode and Decode make them.
func Validate(r *Recording) error {
	checks := []func(*Recording) error{
		checkIdentity, checkTimes, checkPhases, checkUnreached, checkLosses, checkSyscalls, checkParts,
	}
	for _, check := range checks {
		if err := check(r); err != nil {
			return err
		}
	}
	return nil
}

func checkIdentity(r *Recording) error {
	switch {
	case r.APIVersion != APIVersion || r.Kind != Kind:
		return fmt.Errorf("apiVersion and kind are not %s and %s", APIVersion, Kind)
	case !IsID(r.ID):
		return errors.New("id is not 32 hexadecimal digits")
	case !IsName(r.Host.Architecture, 16):
		return errors.New("host.architecture is no architecture, like x86_64")
	case r.Host.CPUs < 0:
		return errors.New("host.cpus is negative")
	case r.Workload.Seccomp < 0 || r.Workload.Seccomp > 2:
		return errors.New("workload.seccomp is not 0, 1 or 2")
	case r.Workload.Leader.PID < 0:
		return errors.New("workload.leader.pid is negative")
	}
	if len(r.Parts) > 0 {
		return checkMergedWorkload(&r.Workload)
	}
	return checkWorkload(&r.Workload)
}

func checkWorkload(w *Workload) error {
	switch w.Kind {
	case KindCommand, KindContainer, KindUnit, KindCgroup:
	default:
		return fmt.Errorf("workload.kind is not %s, %s, %s or %s", KindCommand, KindContainer, KindUnit, KindCgroup)
	}
	if (w.Container != nil) != (w.Kind == KindContainer) {
		return errors.New("workload.container is for containers, and they have it")
	}
	if w.Container != nil && w.Container.ID == "" {
		return errors.New("workload.container.id is empty")
	}
	return nil
}

func checkTimes(r *Recording) error {
	// JSON's time format ends with the year 9999.
	if y := r.StartedAt.UTC().Year(); y < 1970 || y > 9999 {
		return errors.New("startedAt is not between the years 1970 and 9999")
	}
	if r.DurationNs < 0 {
		return errors.New("durationNs is negative")
	}
	return nil
}

func checkPhases(r *Recording) error {
	for i, p := range r.Phases {
		if err := CheckPhaseName(p.Name); err != nil {
			return fmt.Errorf("phases[%d]: %w", i, err)
		}
		if p.StartNs < 0 || p.EndNs < p.StartNs {
			return fmt.Errorf("phases[%d] (%s) does not end after it starts", i, p.Name)
		}
	}
	for i, g := range r.Gaps {
		if g.StartNs < 0 || g.EndNs < g.StartNs {
			return fmt.Errorf("gaps[%d] does not end after it starts", i)
		}
	}
	return nil
}

func checkUnreached(r *Recording) error {
	for i, name := range r.Unreached {
		known := name == PhaseStartup || name == PhaseSteady || name == PhaseShutdown
		if !known || slices.Contains(r.Unreached[:i], name) {
			return fmt.Errorf("unreached[%d] is not one of startup, steady and shutdown, each once", i)
		}
		if Reached(r, name) {
			return fmt.Errorf("unreached[%d]: phase %s was reached", i, name)
		}
	}
	return nil
}

func checkLosses(r *Recording) error {
	lost := false
	for _, reason := range sortedKeys(r.Losses) {
		if !IsName(reason, maxReasonName) {
			return fmt.Errorf("losses: %s is no reason in snake_case", quote(reason))
		}
		lost = lost || r.Losses[reason] > 0
	}
	switch {
	case r.Complete && lost:
		return errors.New("complete is true, but losses are not zero")
	case r.Complete && len(r.Incomplete) > 0:
		return errors.New("complete is true, but incomplete gives a reason")
	case !r.Complete && len(r.Incomplete) == 0:
		return errors.New("complete is false, but incomplete gives no reason")
	}
	return nil
}

func checkSyscalls(r *Recording) error {
	type key struct {
		abi string
		nr  int
	}
	seen := map[key]bool{}
	listed := map[string]bool{PhaseSetup: true, PhaseHandover: true}
	for _, p := range r.Phases {
		listed[p.Name] = true
	}
	var all uint64
	for i := range r.Syscalls {
		s := &r.Syscalls[i]
		if err := checkSyscall(s, listed); err != nil {
			return fmt.Errorf("syscalls: %s number %d: %w", CleanString(clip(s.ABI)), s.Nr, err)
		}
		k := key{s.ABI, s.Nr}
		if seen[k] {
			return fmt.Errorf("syscalls: %s number %d occurs twice", s.ABI, s.Nr)
		}
		seen[k] = true
		var carry uint64
		if all, carry = bits.Add64(all, s.Total, 0); carry != 0 {
			return errors.New("syscalls: the sum of all totals is more than 2^64-1")
		}
	}
	return nil
}

// checkSyscall checks one row. listed holds the phases that may occur; setup and
// handover always may, since they belong to tasks, not to stretches of time.
func checkSyscall(s *Syscall, listed map[string]bool) error {
	switch {
	case !IsName(s.ABI, 16):
		return errors.New("abi is no ABI, like x86_64")
	case s.Nr < 0 || s.Nr > maxNr:
		return fmt.Errorf("nr is not between 0 and %d", maxNr)
	case s.Name != "" && !IsSyscallName(s.Name):
		return fmt.Errorf("%s is no name of a system call", quote(s.Name))
	}
	var sum, carry uint64
	for _, name := range sortedKeys(s.Phases) {
		p := s.Phases[name]
		switch {
		case !listed[name]:
			return fmt.Errorf("phase %s is not in phases", quote(name))
		case p.Count == 0:
			return fmt.Errorf("phase %s has no call: leave it out", name)
		case p.First.OffsetNs < 0 || p.LastSeenNs < 0 || p.First.PID < 0 || p.First.TID < 0:
			return fmt.Errorf("phase %s has a negative time or process ID", name)
		}
		if sum, carry = bits.Add64(sum, p.Count, 0); carry != 0 {
			return errors.New("the sum of its phases is more than 2^64-1")
		}
	}
	if sum == 0 || sum != s.Total {
		return fmt.Errorf("total is %d, but its phases sum to %d", s.Total, sum)
	}
	return nil
}

// IsName tells whether s is 1 to limit bytes of a-z, 0-9 and '_', a letter first.
func IsName(s string, limit int) bool {
	return s != "" && len(s) <= limit && s[0] >= 'a' && s[0] <= 'z' && isWord(s)
}

// IsSyscallName accepts what the kernel's tables hold, e.g. _llseek, fstatat64.
func IsSyscallName(s string) bool {
	return len(s) <= 64 && isWord(s)
}

func isWord(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}
