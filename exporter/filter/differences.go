package filter

import (
	"fmt"
	"slices"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Filters are the programs of one thread in the order in which they were loaded.
type Filters []Program

// Verdict is what the kernel makes of all of them: the strictest action, and of programs that agree on it the value of
// the one that was loaded last. Without a program every call is allowed.
func (f Filters) Verdict(d Data) (policy.Outcome, error) {
	verdict := uint32(retAllow)
	for _, p := range slices.Backward(f) {
		ret, _, err := p.Run(d)
		if err != nil {
			return policy.Outcome{}, err
		}
		if int32(ret&retAction) < int32(verdict&retAction) { // seccomp_run_filters() compares them signed
			verdict = ret
		}
	}
	return OutcomeOf(verdict), nil
}

// Difference is a call that filters answer otherwise than a profile.
type Difference struct {
	ABI  syscalls.ABI
	Nr   int // of x32 without bit 30
	Args [6]uint64
	Want policy.Outcome // the profile's
	Got  policy.Outcome // the filters'
}

// Name of the call, empty if no table has its number.
func (d *Difference) Name() string {
	name, _ := syscalls.Name(d.ABI, d.Nr)
	return name
}

// numbersEnd is behind the highest number of the tables that begin at 0.
const numbersEnd = 1 << 10

// Differences compares filters with a profile for every number of every ABI that the machine has. Where arguments
// decide, they are tried on both sides of every value that the profile or a filter compares with. At most one
// difference is returned for a number.
func Differences(r *policy.Resolved, f Filters) ([]Difference, error) {
	var list []Difference
	constants := f.constants()
	for _, abi := range append([]syscalls.ABI{r.Native}, syscalls.SubABIs(r.Native)...) {
		numbers := r.Numbers(abi)
		for nr := range numbersEnd {
			numbers = append(numbers, nr)
		}
		slices.Sort(numbers)
		for _, nr := range slices.Compact(numbers) {
			d, err := difference(r, f, abi, nr, constants)
			if err != nil {
				return nil, err
			}
			if d != nil {
				list = append(list, *d)
			}
		}
	}
	return list, nil
}

// difference is the first that the samples of arguments show, nil if there is none.
func difference(r *policy.Resolved, f Filters, abi syscalls.ABI, nr int, constants argValues) (*Difference, error) {
	for _, args := range samples(r.Clauses(abi, nr), constants) {
		if abi != syscalls.X32 { // a task of x32 has registers of 64 bits
			for n := range args {
				args[n] &= policy.ArgMask(abi)
			}
		}
		data, err := DataOf(abi, nr, args)
		if err != nil {
			return nil, err
		}
		got, err := f.Verdict(data)
		if err != nil {
			return nil, fmt.Errorf("judge a filter: %w", err)
		}
		var want policy.Outcome
		want.Action, want.Errno = r.Verdict(abi, nr, args)
		if !sameOutcome(want, got) {
			return &Difference{ABI: abi, Nr: nr, Args: args, Want: want, Got: got}, nil
		}
	}
	return nil, nil
}

// sameOutcome compares what the kernel does: two actions with one value are one.
func sameOutcome(a, b policy.Outcome) bool {
	x, errX := Return(a)
	y, errY := Return(b)
	return errX == nil && errY == nil && x == y
}
