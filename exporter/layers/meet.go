package layers

import (
	"math"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter/policy"
)

// meetOf are the rules under which both profiles allow a call, and what the layer answers otherwise;
// false if the conditions cannot be had at once. Two rules for a call mean either, so every
// one of the one side meets every one of the other.
func meetOf(name string, local, layer *calls) ([]policy.Rule, bool) {
	var list []policy.Rule
	for _, b := range layer.rules[name] {
		if !allows(b.Action) {
			r := *b
			r.Names = []string{name}
			list = append(list, r)
			continue
		}
		for _, a := range local.rules[name] {
			if !allows(a.Action) {
				continue
			}
			r, possible, ok := meet(a, b)
			if !ok {
				return nil, false
			}
			if possible {
				r.Names = []string{name}
				list = append(list, r)
			}
		}
	}
	return list, true
}

// meet is b, limited to what a allows, too. possible is false if nothing is left, ok if a filter cannot say it.
func meet(a, b *policy.Rule) (r policy.Rule, possible, ok bool) {
	r = *b
	if r.Includes, possible = bothInclude(a.Includes, b.Includes); !possible {
		return r, false, true
	}
	r.Excludes = eitherExcludes(a.Excludes, b.Excludes)
	r.Args = slices.Clone(b.Args)
	for _, arg := range a.Args {
		i := slices.IndexFunc(r.Args, func(o policy.Arg) bool { return o.Index == arg.Index })
		if i < 0 {
			r.Args = append(r.Args, arg)
			continue
		}
		// A runtime takes two comparisons of one argument as alternatives.
		one, possible, ok := both(arg.LinuxSeccompArg, r.Args[i].LinuxSeccompArg)
		if !ok || !possible {
			return r, false, ok
		}
		r.Args[i].LinuxSeccompArg = one
	}
	return r, true, true
}

// both is the one comparison that says the same as two of one argument.
func both(a, b specs.LinuxSeccompArg) (one specs.LinuxSeccompArg, possible, ok bool) {
	if a == b {
		return a, true, true
	}
	x, isX := rangeOf(a)
	y, isY := rangeOf(b)
	switch {
	case isX && isY:
		return x.and(y).comparison(a, b)
	case isX:
		return inRange(x, a, b)
	case isY:
		return inRange(y, b, a)
	case a.Op == specs.OpMaskedEqual && b.Op == specs.OpMaskedEqual:
		// Where both look at a bit they must agree.
		if common := a.Value & b.Value; a.ValueTwo&common != b.ValueTwo&common {
			return a, false, true
		}
		a.Value, a.ValueTwo = a.Value|b.Value, a.ValueTwo&a.Value|b.ValueTwo&b.Value
		return a, true, true
	}
	return a, false, false
}

// inRange is a range and a comparison that is none: a mask, or "not equal".
func inRange(r values, a, other specs.LinuxSeccompArg) (one specs.LinuxSeccompArg, possible, ok bool) {
	outside := other.Value < r.lo || other.Value > r.hi
	switch {
	case other.Op == specs.OpNotEqual && outside:
		return a, true, true
	case other.Op == specs.OpNotEqual && r.lo == r.hi:
		return a, false, true
	case other.Op == specs.OpMaskedEqual && r.lo == r.hi:
		return a, r.lo&other.Value == other.ValueTwo&other.Value, true
	}
	return a, false, false
}

// values are those from lo to hi.
type values struct{ lo, hi uint64 }

func rangeOf(a specs.LinuxSeccompArg) (v values, ok bool) {
	switch {
	case a.Op == specs.OpEqualTo:
		return values{a.Value, a.Value}, true
	case a.Op == specs.OpLessEqual:
		return values{0, a.Value}, true
	case a.Op == specs.OpGreaterEqual:
		return values{a.Value, math.MaxUint64}, true
	case a.Op == specs.OpLessThan && a.Value > 0:
		return values{0, a.Value - 1}, true
	case a.Op == specs.OpGreaterThan && a.Value < math.MaxUint64:
		return values{a.Value + 1, math.MaxUint64}, true
	}
	return v, false
}

func (v values) and(o values) values { return values{max(v.lo, o.lo), min(v.hi, o.hi)} }

// comparison is the range as one of the two that it came from, if it is one of these.
func (v values) comparison(a, b specs.LinuxSeccompArg) (one specs.LinuxSeccompArg, possible, ok bool) {
	if v.lo > v.hi {
		return a, false, true
	}
	for _, c := range []specs.LinuxSeccompArg{a, b} {
		if r, _ := rangeOf(c); r == v {
			return c, true, true
		}
	}
	if v.lo == v.hi {
		return specs.LinuxSeccompArg{Index: a.Index, Value: v.lo, Op: specs.OpEqualTo}, true, true
	}
	return a, false, false // two bounds
}

// bothInclude: all capabilities are needed, one of the architectures, and the newer kernel.
func bothInclude(a, b *policy.Filter) (f *policy.Filter, possible bool) {
	switch {
	case !holds(a):
		return b, true
	case !holds(b):
		return a, true
	}
	f = &policy.Filter{Caps: union(a.Caps, b.Caps), MinKernel: a.MinKernel, Arches: a.Arches, Extra: b.Extra}
	if k := b.MinKernel; k != nil && (f.MinKernel == nil || k.Kernel > f.MinKernel.Kernel || k.Kernel == f.MinKernel.Kernel && k.Major > f.MinKernel.Major) {
		f.MinKernel = k
	}
	if len(a.Arches) == 0 {
		f.Arches = b.Arches
	} else if len(b.Arches) > 0 {
		f.Arches = slices.DeleteFunc(slices.Clone(a.Arches), func(arch string) bool { return !slices.Contains(b.Arches, arch) })
		return f, len(f.Arches) > 0
	}
	return f, true
}

// eitherExcludes: one of the capabilities or architectures is enough. Kernels are never
// excluded by both: of two the older bound excludes more.
func eitherExcludes(a, b *policy.Filter) *policy.Filter {
	switch {
	case !holds(a):
		return b
	case !holds(b):
		return a
	}
	f := &policy.Filter{Caps: union(a.Caps, b.Caps), Arches: union(a.Arches, b.Arches), MinKernel: a.MinKernel, Extra: b.Extra}
	if k := b.MinKernel; k != nil && (f.MinKernel == nil || k.Kernel < f.MinKernel.Kernel || k.Kernel == f.MinKernel.Kernel && k.Major < f.MinKernel.Major) {
		f.MinKernel = k
	}
	return f
}

func union(a, b []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}
