package report

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
)

var (
	actions = []string{Errno, Trap, Kill, KillThread, KillProcess, Log, Trace, Notify}
	kinds   = []string{recording.KindCommand, recording.KindContainer, recording.KindUnit, recording.KindCgroup, recording.KindMany, KindUnknown}
)

// Longest names, in bytes.
const (
	maxABI    = 16
	maxReason = 64
)

// Validate returns the first contradiction in r, naming the field; nil if there is none. It wants everything sorted, as
// Encode and Decode make it.
func Validate(r *Report) error {
	for _, check := range []func(*Report) error{checkHead, checkTimes, checkLosses, checkParts, checkWorkloads} {
		if err := check(r); err != nil {
			return err
		}
	}
	return nil
}

func checkHead(r *Report) error {
	switch {
	case r.APIVersion != APIVersion || r.Kind != Kind:
		return fmt.Errorf("apiVersion and kind are not %s and %s", APIVersion, Kind)
	case !recording.IsID(r.ID):
		return errors.New("id is not 32 hexadecimal digits")
	case r.Host.Architecture != "" && !recording.IsName(r.Host.Architecture, maxABI):
		return errors.New("host.architecture is no architecture, like x86_64")
	}
	return nil
}

func checkTimes(r *Report) error {
	if err := checkTime("startedAt", r.StartedAt); err != nil {
		return err
	}
	if err := checkTime("endedAt", r.EndedAt); err != nil {
		return err
	}
	if r.EndedAt.Before(r.StartedAt) {
		return errors.New("endedAt is before startedAt")
	}
	return nil
}

// checkTime: JSON's time format ends with the year 9999.
func checkTime(field string, t time.Time) error {
	if y := t.UTC().Year(); y > 9999 || y < 1970 && !t.IsZero() {
		return fmt.Errorf("%s is not between the years 1970 and 9999", field)
	}
	return nil
}

func checkLosses(r *Report) error {
	lost := false
	for reason, n := range r.Losses {
		if !recording.IsName(reason, maxReason) {
			return fmt.Errorf("losses: %q is no reason in snake_case", reason)
		}
		lost = lost || n > 0
	}
	switch {
	case r.Complete && lost:
		return errors.New("complete is true, but losses are not zero")
	case r.Complete != (len(r.Incomplete) == 0):
		return errors.New("complete is false exactly if incomplete gives a reason")
	}
	return nil
}

func checkParts(r *Report) error {
	if len(r.Parts) == 1 {
		return errors.New("parts is of two or more")
	}
	for i, id := range r.Parts {
		if !recording.IsID(id) || i > 0 && id == r.Parts[i-1] {
			return errors.New("parts are not different IDs of 32 hexadecimal digits")
		}
	}
	return nil
}

func checkWorkloads(r *Report) error {
	for i := range r.Workloads {
		w := &r.Workloads[i]
		if i > 0 && keyOf(w) == keyOf(&r.Workloads[i-1]) {
			return fmt.Errorf("workloads[%d] occurs twice", i)
		}
		if err := checkWorkload(w); err != nil {
			return fmt.Errorf("workloads[%d]: %w", i, err)
		}
	}
	return nil
}

func checkWorkload(w *Workload) error {
	switch {
	case !slices.Contains(kinds, w.Kind):
		return errors.New("kind is not known")
	case w.Container != nil && w.Kind != recording.KindContainer && w.Kind != recording.KindMany:
		return errors.New("container is for containers")
	}
	seen := map[denialKey]bool{}
	var sum, carry uint64
	for i := range w.Denials {
		d := &w.Denials[i]
		if err := checkDenial(d); err != nil {
			return fmt.Errorf("denials[%d]: %w", i, err)
		}
		if seen[d.key()] {
			return fmt.Errorf("denials[%d] occurs twice", i)
		}
		seen[d.key()] = true
		if sum, carry = bits.Add64(sum, d.Count, 0); carry != 0 {
			return errors.New("the sum of all counts is more than 2^64-1")
		}
	}
	return nil
}

func checkDenial(d *Denial) error {
	switch {
	case d.Source != Live && d.Source != Audit:
		return fmt.Errorf("source is not %s or %s", Live, Audit)
	case !recording.IsName(d.ABI, maxABI):
		return errors.New("abi is no ABI, like x86_64")
	case d.Nr < -1 || d.Nr > 1<<31-1:
		return errors.New("nr is no 32-bit number")
	case d.Name != "" && !recording.IsSyscallName(d.Name):
		return errors.New("name is no name of a system call")
	case !slices.Contains(actions, d.Action):
		return errors.New("action is not known")
	case d.Count == 0:
		return errors.New("count is 0: leave it out")
	case d.Last.Before(d.First):
		return errors.New("last is before first")
	case d.Who.PID < 0 || d.Who.TID < 0 || d.Who.UID != nil && *d.Who.UID < 0:
		return errors.New("who has a negative number")
	case len(d.Who.Args) > 6 || len(d.Who.Stack) > MaxStack:
		return errors.New("who has too many arguments or stack frames")
	}
	if d.Phase != "" {
		if err := recording.CheckPhaseName(d.Phase); err != nil {
			return err
		}
	}
	return errors.Join(checkTime("first", d.First), checkTime("last", d.Last))
}

// MaxStack bounds the frames of a stack.
const MaxStack = 127
