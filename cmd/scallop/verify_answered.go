package main

import (
	"slices"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/exporter/portability"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Profiles answer some calls with ENOSYS on purpose, clone3 most of all: no filter can see its flags, and a C library that
// gets ENOSYS takes clone. That is how the profile is meant to work, so it is told apart from what is denied. Which calls
// these are, and what must be allowed instead, is the table of exporter/portability: a rule that says ENOSYS of any other
// call denies it.

// separate moves what is answered on purpose from denials to answered. A call that the recording has is
// denied all the same: then the workload made it, and the profile was to allow it.
func (v *verification) separate(p *verifyProfile, expected *recording.Recording) {
	var made []string
	if expected != nil {
		made = ownCalls(expected)
	}
	denied := v.Denials
	v.Denials = []verifyDenial{}
	for _, d := range denied {
		onPurpose := d.Errno == "ENOSYS" && d.Note == "" && !slices.Contains(made, d.Name) &&
			slices.Contains(p.answered(syscalls.ABI(d.ABI)), d.Name)
		if onPurpose {
			v.Answered = append(v.Answered, d)
		} else {
			v.Denials = append(v.Denials, d)
		}
	}
}

// answered are the calls that C libraries try before others, which the profile allows.
func (p *verifyProfile) answered(abi syscalls.ABI) []string {
	var names []string
	for _, a := range portability.Close(p.allowed(abi), portability.Libc, []string{string(abi)}).Answered {
		names = append(names, a.Name)
	}
	return names
}

// numbersEnd is behind the highest number of any table.
const numbersEnd = 1 << 10

// allowed are the calls that the profile lets through, some of them only with some arguments.
func (p *verifyProfile) allowed(abi syscalls.ABI) []string {
	var names []string
	for nr := range numbersEnd {
		name, ok := syscalls.Name(abi, nr)
		sometimes := slices.ContainsFunc(p.resolved.Clauses(abi, nr), func(c policy.Clause) bool { return c.Outcome.Permits() })
		if ok && (sometimes || p.always(abi, nr)) {
			names = append(names, name)
		}
	}
	return names
}
