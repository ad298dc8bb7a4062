package policy

import (
	"math"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Condition on an argument, as libseccomp compares: of the bits in Mask. Mask is all ones unless Op is
// SCMP_CMP_MASKED_EQ, and never has more bits than the ABI's arguments.
type Condition struct {
	Index uint
	Op    specs.LinuxSeccompOperator
	Mask  uint64
	Value uint64
}

func (c *Condition) holds(args [6]uint64) bool {
	got := args[c.Index] & c.Mask
	switch c.Op {
	case specs.OpNotEqual:
		return got != c.Value
	case specs.OpLessThan:
		return got < c.Value
	case specs.OpLessEqual:
		return got <= c.Value
	case specs.OpGreaterEqual:
		return got >= c.Value
	case specs.OpGreaterThan:
		return got > c.Value
	}
	return got == c.Value
}

// ArgMask is what libseccomp looks at of an argument: all 64 bits, or the lower 32 in 32-bit ABIs and x32.
func ArgMask(abi syscalls.ABI) uint64 {
	switch abi {
	case syscalls.ARM, syscalls.MIPS, syscalls.MIPSEL, syscalls.PPC, syscalls.X32, syscalls.X86:
		return math.MaxUint32
	}
	return math.MaxUint64
}

// conditionSets are the sets of conditions of which one must hold. runc splits a rule that has two
// conditions on one argument, since older versions of it did so with every rule.
func conditionSets(abi syscalls.ABI, args []specs.LinuxSeccompArg) [][]Condition {
	var set []Condition
	sets := [][]Condition{}
	indexes := map[uint]bool{}
	for _, a := range args {
		c, needed := condition(abi, a)
		indexes[a.Index] = true
		if needed {
			set = append(set, c)
			sets = append(sets, []Condition{c})
		} else {
			sets = append(sets, nil)
		}
	}
	if len(indexes) < len(args) {
		return sets
	}
	slices.SortStableFunc(set, func(a, b Condition) int { return int(a.Index) - int(b.Index) })
	return [][]Condition{set}
}

// condition reports false for one that compares no bit: libseccomp drops it.
func condition(abi syscalls.ABI, a specs.LinuxSeccompArg) (Condition, bool) {
	bits := ArgMask(abi)
	if a.Op != specs.OpMaskedEqual {
		return Condition{a.Index, a.Op, bits, a.Value & bits}, true
	}
	mask := a.Value & bits
	return Condition{a.Index, a.Op, mask, a.ValueTwo & mask}, mask != 0
}

// disjoint is true if an argument would have to have two values at once.
func disjoint(a, b []Condition) bool {
	for _, x := range a {
		for _, y := range b {
			if x.Index == y.Index && contradict(x, y) {
				return true
			}
		}
	}
	return false
}

func contradict(x, y Condition) bool {
	exact := func(c Condition) bool { return c.Op == specs.OpEqualTo || c.Op == specs.OpMaskedEqual }
	switch {
	case exact(x) && exact(y):
		common := x.Mask & y.Mask
		return x.Value&common != y.Value&common
	case x.Op == specs.OpEqualTo:
		return !y.holdsFor(x.Value)
	case y.Op == specs.OpEqualTo:
		return !x.holdsFor(y.Value)
	}
	xlo, xhi := x.bounds()
	ylo, yhi := y.bounds()
	return xhi < ylo || yhi < xlo
}

func (c *Condition) holdsFor(value uint64) bool {
	var args [6]uint64
	args[c.Index] = value
	return c.holds(args)
}

// bounds of the values that hold; wider than they are where the operator has none.
func (c *Condition) bounds() (lo, hi uint64) {
	switch c.Op {
	case specs.OpLessThan:
		return 0, max(c.Value, 1) - 1
	case specs.OpLessEqual:
		return 0, c.Value
	case specs.OpGreaterEqual:
		return c.Value, math.MaxUint64
	case specs.OpGreaterThan:
		return min(c.Value, math.MaxUint64-1) + 1, math.MaxUint64
	}
	return 0, math.MaxUint64
}
