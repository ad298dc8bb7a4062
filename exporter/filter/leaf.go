package filter

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// leaves are what the search for a number ends in: a return, or a test of arguments. Equal ones are one node.
type leaves struct {
	made map[string]*node
}

// of is the leaf of one number.
func (l *leaves) of(r *policy.Resolved, abi syscalls.ABI, nr int) (*node, error) {
	clauses, rest := r.Clauses(abi, nr), r.Unlisted(abi, nr)
	key := fmt.Sprint(clauses, rest)
	if n := l.made[key]; n != nil {
		return n, nil
	}
	n, err := l.outcome(rest)
	for i := len(clauses) - 1; i >= 0 && err == nil; i-- {
		var yes *node
		yes, err = l.outcome(clauses[i].Outcome)
		n = all(clauses[i].Conditions, yes, n)
	}
	if err != nil {
		return nil, err
	}
	l.made[key] = n
	return n, nil
}

func (l *leaves) outcome(o policy.Outcome) (*node, error) {
	v, err := Return(o)
	if err != nil {
		return nil, err
	}
	key := fmt.Sprint("return ", v)
	if l.made[key] == nil {
		l.made[key] = ret(v)
	}
	return l.made[key], nil
}

// all leads to yes if every condition holds.
func all(conditions []policy.Condition, yes, no *node) *node {
	for i := len(conditions) - 1; i >= 0; i-- {
		yes = one(conditions[i], yes, no)
	}
	return yes
}

// one compares an argument of 64 bits in words of 32, the upper one first. A word of which the mask has no bit is
// not looked at: that is the upper one in 32-bit ABIs.
func one(c policy.Condition, yes, no *node) *node {
	switch c.Op {
	case specs.OpNotEqual:
		return equal(c, no, yes)
	case specs.OpGreaterThan:
		return greater(c, opJGT, yes, no)
	case specs.OpGreaterEqual:
		return greater(c, opJGE, yes, no)
	case specs.OpLessThan:
		return greater(c, opJGE, no, yes)
	case specs.OpLessEqual:
		return greater(c, opJGT, no, yes)
	}
	return equal(c, yes, no)
}

func equal(c policy.Condition, yes, no *node) *node {
	n := yes
	if mask := uint32(c.Mask); mask != 0 {
		n = word(c.Index, 0, mask, jump(opJEQ, uint32(c.Value), n, no))
	}
	if mask := uint32(c.Mask >> 32); mask != 0 {
		n = word(c.Index, 4, mask, jump(opJEQ, uint32(c.Value>>32), n, no))
	}
	return n
}

func greater(c policy.Condition, op uint16, yes, no *node) *node {
	low := word(c.Index, 0, uint32(c.Mask), jump(op, uint32(c.Value), yes, no))
	if c.Mask>>32 == 0 {
		return low
	}
	high := uint32(c.Value >> 32)
	return word(c.Index, 4, uint32(c.Mask>>32), jump(opJGT, high, yes, jump(opJEQ, high, low, no)))
}

// word loads one half of an argument.
func word(index uint, half, mask uint32, next *node) *node {
	if mask != 0xffffffff {
		next = &node{code: opAnd, k: mask, next: next}
	}
	return load(offArgs+8*uint32(index)+half, next)
}
