package policy

import (
	"fmt"
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Verdict is what a call with these arguments meets: the action, and the errno that it fails with if that is
// SCMP_ACT_ERRNO, as the kernel cuts it. Numbers of x32 are without bit 30.
func (r *Resolved) Verdict(abi syscalls.ABI, nr int, args [6]uint64) (specs.LinuxSeccompAction, uint) {
	o := r.outcome(abi, nr, args)
	if o.Action == specs.ActErrno {
		return o.Action, min(o.Errno, MaxErrno)
	}
	return o.Action, o.Errno
}

func (r *Resolved) outcome(abi syscalls.ABI, nr int, args [6]uint64) Outcome {
	for _, c := range r.Clauses(abi, nr) {
		if c.holds(args) {
			return c.Outcome
		}
	}
	return r.Unlisted(abi, nr)
}

func (c *Clause) holds(args [6]uint64) bool {
	for i := range c.Conditions {
		if !c.Conditions[i].holds(args) {
			return false
		}
	}
	return true
}

// Clauses are those for a number, in the order in which they are tried; none if the call meets Unlisted.
// The caller must not change them.
func (r *Resolved) Clauses(abi syscalls.ABI, nr int) []Clause {
	t := r.tables[abi]
	if t == nil || t.stub && nr > t.top {
		return nil
	}
	return t.clauses[nr]
}

// Unlisted is what a number meets if none of its clauses holds.
func (r *Resolved) Unlisted(abi syscalls.ABI, nr int) Outcome {
	t := r.tables[abi]
	switch {
	case t == nil:
		return r.BadArch
	case t.stub && (nr > t.top || nr == 0 && abi == syscalls.S390X): // setup, which multiplexes large numbers there
		return Outcome{specs.ActErrno, ENOSYS}
	}
	return r.Default
}

// Top is the number of an ABI above which calls meet ENOSYS, and false if there is no such.
func (r *Resolved) Top(abi syscalls.ABI) (int, bool) {
	t := r.tables[abi]
	if t == nil || !t.stub {
		return 0, false
	}
	return t.top, true
}

// Numbers are those of the ABI that have a clause, sorted.
func (r *Resolved) Numbers(abi syscalls.ABI) []int {
	t := r.tables[abi]
	if t == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(t.clauses))
}

// Map returns a copy with every outcome changed, e.g. to try a filter without making the calls that it allows.
func (r *Resolved) Map(change func(Outcome) Outcome) *Resolved {
	out := *r
	out.Default, out.BadArch = change(r.Default), change(r.BadArch)
	out.tables = map[syscalls.ABI]*table{}
	for abi, t := range r.tables {
		clauses := map[int][]Clause{}
		for nr, list := range t.clauses {
			for _, c := range list {
				clauses[nr] = append(clauses[nr], Clause{c.Conditions, change(c.Outcome)})
			}
		}
		out.tables[abi] = &table{clauses: clauses, top: t.top, stub: t.stub}
	}
	return &out
}

// findOverlaps warns where the order of libseccomp decides, which is not the profile's.
func (r *Resolved) findOverlaps() {
	for _, abi := range r.ABIs {
		for _, nr := range r.Numbers(abi) {
			if ambiguous(r.tables[abi].clauses[nr]) {
				name, _ := syscalls.Name(abi, nr)
				r.Warnings = append(r.Warnings, fmt.Sprintf("rules with different actions may hold for one call of %s (%s): libseccomp chooses by an order of its own, or refuses the profile; here the first one decides", name, abi))
			}
		}
	}
}

func ambiguous(list []Clause) bool {
	for i := range list {
		for _, later := range list[i+1:] {
			if list[i].Outcome != later.Outcome && !disjoint(list[i].Conditions, later.Conditions) {
				return true
			}
		}
	}
	return false
}
