// Package severity says of every system call what it is about and what it gives an
// attacker who has taken over the process: one table of data, with Docker's default profile as
// the measure that people know.
package severity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Level is how dangerous a call is. Levels are ordered: a higher one is worse.
type Level int

// The levels. Those from Kernel on are called dangerous.
const (
	// None: nothing beyond what the process has already.
	None Level = iota
	// Information: shows something of the kernel, the host or other processes.
	Information
	// Kernel: reaches kernel code that few programs need and that was exploited, or
	// hides from the filter what it does.
	Kernel
	// Escape: with the right capability it leaves the container, takes over another
	// process or acts on the whole host.
	Escape
)

var levelNames = [...]string{"none", "information", "kernel", "escape"}

// Levels are all, the least first.
func Levels() []Level { return []Level{None, Information, Kernel, Escape} }

func (l Level) String() string {
	if l < None || l > Escape {
		return fmt.Sprintf("level %d", int(l))
	}
	return levelNames[l]
}

// Dangerous tells whether a profile with the call should be looked at by a person.
func (l Level) Dangerous() bool { return l >= Kernel }

// ParseLevel is the inverse of String.
func ParseLevel(s string) (Level, error) {
	if i := slices.Index(levelNames[:], s); i >= 0 {
		return Level(i), nil
	}
	return None, fmt.Errorf("danger level %q is not known: use one of %s", s, strings.Join(levelNames[:], ", "))
}

// Entry is what is known of one call.
type Entry struct {
	Name  string
	Class Class
	Level Level
	// Reason is why the call has its level; never empty.
	Reason string
	// Docker is when Docker's default profile allows the call.
	Docker Docker
}

// Of returns the row of the named call. A name without a row, from a newer kernel than
// the table, counts as new code of the kernel that nobody has rated.
func Of(name string) Entry {
	t := table()
	if i, ok := t.byName[name]; ok {
		return t.rows[i]
	}
	return Entry{Name: name, Class: Unknown, Level: Kernel, Reason: "not known to this version of scallop: new code of the kernel"}
}

// All returns every row, sorted by name.
func All() []Entry { return slices.Clone(table().rows) }

// Known tells whether the table has a row of that name.
func Known(name string) bool {
	_, ok := table().byName[name]
	return ok
}

// Dangerous returns those of names that are dangerous, the worst first, each once.
func Dangerous(names []string) []Entry {
	var list []Entry
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		if e := Of(name); e.Level.Dangerous() {
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b Entry) int { return int(b.Level) - int(a.Level) })
	return list
}

// inABI are those of names that the ABI has, sorted, each once.
func inABI(names []string, abi syscalls.ABI) []string {
	list := slices.Compact(slices.Sorted(slices.Values(names)))
	return slices.DeleteFunc(list, func(name string) bool {
		_, ok := syscalls.Number(abi, name)
		return !ok
	})
}
