// Package portability makes an allow-list survive the next C library, the next version of
// it, and another architecture: it adds the calls that do there what the recorded ones did
// here. Everything that it knows is one table, siblings.tsv, with the reason why each added call
// is the same authority.
package portability

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Level is how far a profile must carry.
type Level string

// The levels, each with all of the one before.
const (
	// None adds nothing: the profile fits the libraries and the architectures it was recorded with.
	None Level = "none"
	// Libc adds what glibc and musl call instead, in all their versions.
	Libc Level = "libc"
	// Arch adds what they call on other architectures.
	Arch Level = "arch"
)

// Levels are the names of the levels, the least first.
func Levels() []string { return []string{string(None), string(Libc), string(Arch)} }

// ParseLevel checks the name of a level.
func ParseLevel(s string) (Level, error) {
	if !slices.Contains(Levels(), s) {
		return None, fmt.Errorf("portability %q is not known: use one of %s", s, strings.Join(Levels(), ", "))
	}
	return Level(s), nil
}

// Added is a call that the closure adds.
type Added struct {
	Name string
	// From is the call that it stands for or goes with; Beside that it is not in place of it.
	From   string
	Beside bool
	// ABIs are those that need it, sorted.
	ABIs []string
	// Condition limits the call; nil means that all its arguments are allowed.
	Condition *Condition
	// Why it is the same authority and no more, and from what that is known.
	Why, Source string
}

// Text is the evidence in a profile.
func (a *Added) Text() string {
	relation := "in place of"
	if a.Beside {
		relation = "beside"
	}
	text := fmt.Sprintf("%s %s: %s", relation, a.From, a.Why)
	if a.Condition != nil {
		text += " (" + a.Condition.Text + ")"
	}
	return text + "; " + a.Source
}

// Answered is a call that is denied with ENOSYS, whatever others are denied with, so that a
// library falls back to one that is allowed.
type Answered struct {
	Name string
	From string
	Why  string
	// ABIs are those that have it, sorted.
	ABIs []string
}

// Closure is what portability makes of a list of calls. Both lists are sorted by name.
type Closure struct {
	Added    []Added
	Answered []Answered
}

// Close returns what is to be added to names for the ABIs. It depends on the sets only,
// not on their order; what it adds never leads to more; and more names never lead to less.
func Close(names []string, level Level, abis []string) *Closure {
	c := &Closure{}
	if level == None {
		return c
	}
	w := newWalk(siblings(), names, level)
	for _, name := range w.addedNames() {
		if a := w.added(name, abis); len(a.ABIs) > 0 {
			c.Added = append(c.Added, *a)
		}
	}
	c.Answered = w.answered(abis)
	return c
}

// Names returns the union of names and what was added, sorted, each once.
func (c *Closure) Names(names []string) []string {
	all := slices.Clone(names)
	for _, a := range c.Added {
		all = append(all, a.Name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// having are those of abis that have the call, sorted, each once; only limits it to one.
func having(abis []string, name, only string) []string {
	var list []string
	for _, abi := range abis {
		if _, ok := syscalls.Number(syscalls.ABI(abi), name); ok && (only == "" || abi == only) {
			list = append(list, abi)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
