package gate

import (
	"cmp"
	"slices"

	"github.com/scallop-sec/scallop/exporter/severity"
)

// Level is how grave a finding is.
type Level int

// The levels. Only errors fail a check.
const (
	Note Level = iota
	Warning
	Error
)

func (l Level) String() string { return [...]string{"note", "warning", "error"}[l] }

// Kind is what a finding is about.
type Kind string

// The kinds.
const (
	Missing     Kind = "missing-call"      // seen, and the profile denies it
	Conditional Kind = "conditional-call"  // seen, and the profile looks at its arguments
	Unnamed     Kind = "unnamed-call"      // seen, and a profile cannot name it
	Unused      Kind = "unused-call"       // allowed, and never seen
	Unreached   Kind = "unreached-phase"   // demanded, and no recording reached it
	Unrecorded  Kind = "incomplete-record" // a recording misses calls
	Filtered    Kind = "filtered-record"   // a recording was made under a filter
	Elsewhere   Kind = "denied-elsewhere"  // denied, though the profile allows it
	Answered    Kind = "answered-call"     // denied with ENOSYS on purpose
	Shallow     Kind = "low-coverage"      // too much is still unseen
)

// About says what a kind means, in a sentence.
func About(k Kind) string {
	return map[Kind]string{
		Missing:     "The workload makes a system call that the profile denies.",
		Conditional: "The profile allows the system call for some arguments only, and recordings do not hold arguments.",
		Unnamed:     "The workload makes a system call that has no name here, and a profile allows by name.",
		Unused:      "The profile allows a system call that no recording shows and no runtime needs.",
		Unreached:   "No recording reached a phase that was asked for, so its calls are unknown.",
		Unrecorded:  "A recording says that it misses calls.",
		Filtered:    "A recording was made under a seccomp filter: calls that it denies could not be seen.",
		Elsewhere:   "The system call was denied, though the profile allows it: by another filter, or by another version of the profile.",
		Answered:    "The profile answers the system call with ENOSYS on purpose, so that C libraries take another one.",
		Shallow:     "Too many calls are estimated to be unseen.",
	}[k]
}

// Kinds are all, in the order of their gravity.
func Kinds() []Kind {
	return []Kind{Missing, Unnamed, Unrecorded, Unreached, Shallow, Unused, Filtered, Elsewhere, Conditional, Answered}
}

// Finding is one thing that a check has to say.
type Finding struct {
	Kind  Kind
	Level Level
	// Subject is the call's name, the phase, or the recording.
	Subject string
	// Call is the evidence; nil if the finding is not about a call that was seen. Its ABI is
	// also that of an unused call.
	Call *Call
	ABIs []string
	// Denial is set if the call was denied in a denial report.
	Denial *Denial
	// Danger is what the call gives an attacker; only of calls.
	Danger *severity.Entry
	// Text is a sentence. It may hold words of a workload: escape them for where it is printed.
	Text string
	// Next is what to do.
	Next string
	// Line is where in the profile's file, from 1; 0 is not known.
	Line int
}

// ID is the same for the same finding in another run.
func (f *Finding) ID() string {
	id := string(f.Kind) + "/" + f.Subject
	if f.Call != nil {
		id += "/" + f.Call.ABI
	}
	return id
}

// rank sorts findings: the gravest first, then the most dangerous, the most frequent, by name.
func rank(list []Finding) {
	kinds := Kinds()
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(b.Level, a.Level),
			cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)),
			cmp.Compare(b.danger(), a.danger()),
			cmp.Compare(b.count(), a.count()),
			cmp.Compare(a.ID(), b.ID()),
		)
	})
}

func (f *Finding) danger() severity.Level {
	if f.Danger == nil {
		return severity.None
	}
	return f.Danger.Level
}

func (f *Finding) count() uint64 {
	if f.Call == nil {
		return 0
	}
	return f.Call.Count()
}
