package filter

import (
	"math"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter/policy"
)

// argValues are values of each argument that are worth a try, sorted.
type argValues [6][]uint64

// maxHalves bounds how many constants of one half of an argument are combined with those of the other.
const maxHalves = 64

// constants are what the programs compare arguments with: the jumps and masks behind a load of an argument, up to the
// next load.
func (f Filters) constants() argValues {
	var halves [6][2][]uint64
	for _, p := range f {
		loaded := uint32(0)
		for _, i := range p {
			switch {
			case i.Code == opLoad:
				loaded = i.K
			case loaded < offArgs || loaded >= dataLen || i.Code == opRet || i.Code == opJA:
			default:
				half := &halves[(loaded-offArgs)/8][loaded/4%2]
				*half = append(*half, uint64(i.K))
			}
		}
	}
	var values argValues
	for n, h := range halves {
		values[n] = combine(firstHalves(h[0]), firstHalves(h[1]))
	}
	return values
}

func firstHalves(list []uint64) []uint64 {
	slices.Sort(list)
	list = slices.Compact(list)
	return list[:min(len(list), maxHalves)]
}

// combine gives the values whose halves are compared, none if neither is.
func combine(low, high []uint64) []uint64 {
	if len(low)+len(high) == 0 {
		return nil
	}
	var values []uint64
	for _, h := range append(high, 0) {
		for _, l := range append(low, 0) {
			values = append(values, around(h<<32|l)...)
		}
	}
	return sorted(values)
}

// around are both sides of a comparison with v, and bits beside a mask.
func around(v uint64) []uint64 {
	return []uint64{v - 1, v, v + 1, ^v, v | 1<<32, 0, math.MaxUint32, math.MaxUint64}
}

func sorted(values []uint64) []uint64 {
	slices.Sort(values)
	return slices.Compact(values)
}

// samples of arguments: for each clause one for which it holds, and all that differ from those in one argument. The
// first has no argument set.
func samples(clauses []policy.Clause, constants argValues) [][6]uint64 {
	values := constants
	bases := [][6]uint64{{}}
	for _, clause := range clauses {
		var base [6]uint64
		for _, c := range clause.Conditions {
			values[c.Index] = sorted(append(slices.Clone(values[c.Index]), append(around(c.Value), c.Mask)...))
			base[c.Index] = holding(c)
		}
		bases = append(bases, base)
	}
	list := slices.Clone(bases)
	for _, base := range bases {
		for n := range values {
			for _, value := range values[n] {
				varied := base
				varied[n] = value
				list = append(list, varied)
			}
		}
	}
	return list
}

// holding is a value for which the condition holds.
func holding(c policy.Condition) uint64 {
	switch c.Op {
	case specs.OpNotEqual, specs.OpGreaterThan:
		return c.Value + 1
	case specs.OpLessThan:
		return c.Value - 1
	}
	return c.Value
}
