package gate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/exporter/portability"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Cause is why a profile lacks a call that was denied, as far as that is known.
type Cause string

// The causes.
const (
	// MissingHandover: the runtime makes it for the workload, a newer one than the profile knows, say.
	MissingHandover Cause = "missing-handover"
	// NotExported: a recording has it.
	NotExported Cause = "not-exported"
	// MissingSibling: another C library, or version of it, makes it instead of one that the profile allows.
	MissingSibling Cause = "missing-sibling"
	// NeverSeen: neither is known of it. It may be an attack.
	NeverSeen Cause = "never-seen"
	// Allowed: the profile has it. Another filter denied it, or another version of the profile.
	Allowed Cause = "allowed"
	// OnPurpose: the profile answers ENOSYS so that C libraries take another call.
	OnPurpose Cause = "answered-on-purpose"
	// NotCompared: there was no recording to look for it.
	NotCompared Cause = "not-compared"
)

// Denial is what is known of a call that filters denied.
type Denial struct {
	Count uint64
	// Actions are what was done, e.g. "errno -1", "kill_process"; sorted.
	Actions []string
	Cause   Cause
	// Why is the cause in a sentence.
	Why string
	// condition limits a sibling to some arguments; nil for most.
	condition *portability.Condition
}

// Text is e.g. "denied 7 times, missing sibling: in place of open: opens a file".
func (d *Denial) Text() string {
	times := "once"
	if d.Count != 1 {
		times = fmt.Sprintf("%d times", d.Count)
	}
	return "denied " + times + ", " + d.reason()
}

// reason is the cause in words.
func (d *Denial) reason() string { return d.Cause.words() + ": " + d.Why }

// words begin a sentence about the cause.
func (c Cause) words() string {
	return map[Cause]string{
		MissingHandover: "missing handover", NotExported: "seen but not exported", MissingSibling: "missing sibling",
		NeverSeen: "never seen, suspicious", Allowed: "allowed here", OnPurpose: "answered on purpose", NotCompared: "cause not known",
	}[c]
}

// cause looks for why the filter lacks a call. What is known for certain comes first: who made it, then a recording.
func (e *Evidence) cause(f *Filter, c *Call) (*Denial, error) {
	seen := e.denials.of(c)
	d := &Denial{Count: c.Count(), Actions: slices.Sorted(maps.Keys(seen.actions))}
	if seen.starts {
		text, err := exporter.HandoverOf(c.Name)
		d.Cause, d.Why = MissingHandover, "the runtime makes it after it has loaded the filter: "+text
		if text == "" {
			d.Why = "the runtime makes it after it has loaded the filter; no version that was measured does, so it may be a newer one"
		}
		return d, err
	}
	if phases := e.recordedIn(c); len(phases) > 0 {
		d.Cause, d.Why = NotExported, "recorded in "+exporter.Enumerate(phases)+", but not in the profile"
		return d, nil
	}
	if a := sibling(f, c); a != nil {
		d.Cause, d.Why, d.condition = MissingSibling, a.Text(), a.Condition
		return d, nil
	}
	if len(e.folds) == 0 {
		d.Cause, d.Why = NotCompared, "no recording was given to look for it"
		return d, nil
	}
	d.Cause, d.Why = NeverSeen, fmt.Sprintf("in no recording (they reached %s), and nothing else is known to need it: an attack, or what was not recorded",
		orNothing(e.Phases()))
	return d, nil
}

// recordedIn are the phases in which recordings have the call, those of the filter's life.
func (e *Evidence) recordedIn(c *Call) []string {
	var phases []string
	for _, f := range e.folds {
		if seen := f.calls[callKey{c.ABI, c.Nr}]; seen != nil {
			phases = append(phases, slices.Collect(maps.Keys(seen.phases))...)
		}
	}
	phases = slices.DeleteFunc(inLifeOrder(phases), func(phase string) bool { return phase == recording.PhaseSetup })
	return slices.Compact(phases)
}

// sibling is how the call comes from those that the filter allows; nil if it does not.
func sibling(f *Filter, c *Call) *portability.Added {
	closure := portability.Close(f.passing(c.ABI), portability.Libc, []string{c.ABI})
	i := slices.IndexFunc(closure.Added, func(a portability.Added) bool { return a.Name == c.Name })
	if i < 0 {
		return nil
	}
	return &closure.Added[i]
}

// answersOnPurpose tells whether the filter answers the call with ENOSYS so that a C library takes another one, and nothing but
// that was seen.
func (e *Evidence) answersOnPurpose(f *Filter, c *Call) bool {
	if !e.denials.of(c).enosys || len(e.recordedIn(c)) > 0 || f.answer(c.ABI, c.Name) != fmt.Sprintf("SCMP_ACT_ERRNO(%d)", policy.ENOSYS) {
		return false
	}
	closure := portability.Close(f.passing(c.ABI), portability.Libc, []string{c.ABI})
	return slices.ContainsFunc(closure.Answered, func(a portability.Answered) bool { return a.Name == c.Name })
}

// isRuntime knows the names that runtimes' processes have in a container, for denials whose phase nobody saw.
func isRuntime(comm string) bool {
	return strings.HasPrefix(comm, "runc:[") || comm == "crun" || strings.HasPrefix(comm, "youki")
}
