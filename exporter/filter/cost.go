package filter

import (
	"errors"
	"fmt"
	"math/bits"
)

// Cost is what a program executes for the calls that were counted.
type Cost struct {
	Calls        uint64
	Instructions uint64
	// Longest is the most instructions that one call takes, of those that were counted.
	Longest int
	// Constant are the calls whose verdict is to allow, whatever their arguments are. Linux 5.11 and later keep
	// them in a bitmap, and do not run the program for them (not for x32).
	Constant uint64
}

// PerCall is the mean.
func (c Cost) PerCall() float64 {
	if c.Calls == 0 {
		return 0
	}
	return float64(c.Instructions) / float64(c.Calls)
}

// less compares what was counted, and then the length of the programs.
func (c Cost) less(o Cost, length, oldLength int) bool {
	if c.Instructions != o.Instructions {
		return c.Instructions < o.Instructions
	}
	return length < oldLength
}

// Cost runs the program for each call. Where a verdict depends on arguments, which are not recorded, the longest
// path counts.
func (p Program) Cost(counts Counts) (Cost, error) {
	var sum Cost
	if err := p.check(); err != nil {
		return sum, err
	}
	for call, n := range counts {
		path, err := p.Path(call)
		if err != nil {
			return sum, fmt.Errorf("the cost of call %d of %s: %w", call.Nr, call.ABI, err)
		}
		hi, lo := bits.Mul64(n, uint64(path.Longest))
		var carry [2]uint64
		sum.Instructions, carry[0] = bits.Add64(sum.Instructions, lo, 0)
		sum.Calls, carry[1] = bits.Add64(sum.Calls, n, 0)
		if hi+carry[0]+carry[1] > 0 {
			return sum, errors.New("the counts are too large to be added up")
		}
		sum.Longest = max(sum.Longest, path.Longest)
		if path.Constant {
			sum.Constant += n
		}
	}
	return sum, nil
}

// Path is what the program does for one number, for all arguments.
type Path struct {
	Longest  int    // instructions
	Returns  uint32 // on the longest path
	Constant bool   // the call is allowed without a look at arguments
}

// Path follows the program for one call, both ways where it depends on arguments.
func (p Program) Path(c Call) (Path, error) {
	d, err := DataOf(c.ABI, c.Nr, [6]uint64{})
	if err != nil {
		return Path{}, err
	}
	if err := p.check(); err != nil {
		return Path{}, err
	}
	f := follower{program: p, data: d, known: map[int]leg{}}
	l := f.from(0, 0, true)
	constant := !f.open && l.returns == retAllow && c.ABI != "x32"
	return Path{l.length, l.returns, constant}, nil
}

// follower walks a program whose arguments are not known.
type follower struct {
	program Program
	data    Data
	known   map[int]leg // by instruction, once the accumulator is an argument
	open    bool        // an argument was loaded
}

type leg struct {
	length  int
	returns uint32
}

// from follows the program from an instruction on; sure tells whether a is known.
func (f *follower) from(at int, a uint32, sure bool) leg {
	if l, ok := f.known[at]; ok && !sure {
		return l
	}
	l := f.step(at, a, sure)
	l.length++
	if !sure {
		f.known[at] = l
	}
	return l
}

func (f *follower) step(at int, a uint32, sure bool) leg {
	i := f.program[at]
	switch i.Code {
	case opRet:
		return leg{returns: i.K}
	case opLoad:
		if i.K >= 8 { // the instruction pointer and the arguments
			f.open = true
			return f.from(at+1, 0, false)
		}
		return f.from(at+1, f.data.word(i.K), true)
	case opAnd:
		return f.from(at+1, a&i.K, sure)
	case opJA:
		return f.from(at+1+int(i.K), a, sure)
	}
	yes, _ := i.jumps(a)
	switch {
	case sure && yes:
		return f.from(at+1+int(i.JT), a, true)
	case sure:
		return f.from(at+1+int(i.JF), a, true)
	}
	t, e := f.from(at+1+int(i.JT), a, false), f.from(at+1+int(i.JF), a, false)
	if e.length > t.length {
		return e
	}
	return t
}
