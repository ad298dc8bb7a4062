package filter

import "fmt"

// node is an instruction before it has a place. Nodes form a graph without cycles; one node may be the
// target of many.
type node struct {
	code uint16
	k    uint32
	t, f *node  // of conditional jumps
	next *node  // of loads and arithmetic
	heat uint64 // how often a subtree runs: decides which one gets the place close by
}

func ret(k uint32) *node { return &node{code: opRet, k: k} }

func jump(code uint16, k uint32, t, f *node) *node {
	return &node{code: code, k: k, t: t, f: f}
}

func load(off uint32, next *node) *node {
	return &node{code: opLoad, k: off, next: next}
}

// assembler places nodes from the program's end to its begin. All jumps go forward, so each target has its place
// before the jump does, and distances are exact. Places count from the end.
type assembler struct {
	reversed []Instruction
	home     map[*node]int // where the node is
	near     map[*node]int // where its last copy, or the last jump to it, is
	returns  map[uint32]*node
}

// maxSkip is how far a conditional jump reaches.
const maxSkip = 255

func assemble(root *node) (Program, error) {
	a := &assembler{home: map[*node]int{}, near: map[*node]int{}, returns: map[uint32]*node{}}
	a.place(root)
	n := len(a.reversed)
	if n > MaxInstructions {
		return nil, fmt.Errorf("the filter has %d instructions, and the kernel takes %d: use fewer architectures or conditions on arguments, or the order %s", n, MaxInstructions, Tree)
	}
	p := make(Program, 0, n)
	for i := n - 1; i >= 0; i-- {
		p = append(p, a.reversed[i])
	}
	return p, nil
}

// place puts the node and all that it leads to into the program, once.
func (a *assembler) place(n *node) {
	n = a.canonical(n)
	if _, done := a.home[n]; done {
		return
	}
	switch {
	case n.code == opRet:
		a.emit(n, Instruction{Code: opRet, K: n.k})
	case n.next != nil:
		a.place(n.next)
		a.fallThrough(n.next)
		a.emit(n, Instruction{Code: n.code, K: n.k})
	default:
		a.placeJump(n)
	}
}

// placeJump puts the hotter branch next to the jump: what is further away than maxSkip costs one more instruction.
func (a *assembler) placeJump(n *node) {
	first, last := n.f, n.t
	if n.f.heat > n.t.heat {
		first, last = n.t, n.f
	}
	a.place(first)
	a.place(last)
	for a.skip(first) > maxSkip || a.skip(last) > maxSkip {
		if a.skip(first) > maxSkip {
			a.bring(first)
		} else {
			a.bring(last)
		}
	}
	a.emit(n, Instruction{Code: n.code, JT: uint8(a.skip(n.t)), JF: uint8(a.skip(n.f)), K: n.k})
}

// canonical makes equal returns one node.
func (a *assembler) canonical(n *node) *node {
	if n.code != opRet {
		return n
	}
	if a.returns[n.k] == nil {
		a.returns[n.k] = n
	}
	return a.returns[n.k]
}

// skip is the number of instructions between the one that is emitted next and the node.
func (a *assembler) skip(n *node) int { return len(a.reversed) - a.near[a.canonical(n)] - 1 }

// bring makes the node reachable: a return is copied, to anything else goes a long jump.
func (a *assembler) bring(n *node) {
	n = a.canonical(n)
	at := len(a.reversed)
	if n.code == opRet {
		a.reversed = append(a.reversed, Instruction{Code: opRet, K: n.k})
	} else {
		a.reversed = append(a.reversed, Instruction{Code: opJA, K: uint32(at - a.home[n] - 1)})
	}
	a.near[n] = at
}

// fallThrough makes the node the next instruction.
func (a *assembler) fallThrough(n *node) {
	if a.skip(n) != 0 {
		a.bring(n)
	}
}

func (a *assembler) emit(n *node, i Instruction) {
	a.home[n], a.near[n] = len(a.reversed), len(a.reversed)
	a.reversed = append(a.reversed, i)
}
