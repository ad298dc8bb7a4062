package filter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Order is how a program looks for a call's number.
type Order string

// The orders.
const (
	// Linear compares one number after the other, ascending.
	Linear Order = "linear"
	// Frequency compares one number after the other, the most frequent first.
	Frequency Order = "frequency"
	// Tree halves the list of numbers until four are left, as libseccomp does when runc asks for it.
	Tree Order = "tree"
	// Weighted compares the hottest numbers first and looks for the others in a tree that is lowest where calls
	// are frequent. Of all such programs and those of the other orders, it is the one with the shortest path.
	Weighted Order = "weighted"
)

// Orders are all of them, simplest first.
func Orders() []Order { return []Order{Linear, Frequency, Tree, Weighted} }

// ParseOrder takes the name of an order.
func ParseOrder(s string) (Order, error) {
	if slices.Contains(Orders(), Order(s)) {
		return Order(s), nil
	}
	var names []string
	for _, o := range Orders() {
		names = append(names, string(o))
	}
	return "", fmt.Errorf("order %.64q is not known: use one of %s", s, strings.Join(names, ", "))
}

// Call is a system call as counters know it: x32 numbers without bit 30.
type Call struct {
	ABI syscalls.ABI
	Nr  int
}

// Counts say how often each call is made.
type Counts map[Call]uint64

// weights are counts that can be added up and multiplied by a depth.
type weights map[Call]uint64

// maxWeight leaves room for the depth of a tree and the number of calls.
const maxWeight = 1 << 40

// weights scales the counts down, if need be. A call that was made at all keeps some weight.
func (c Counts) weights() weights {
	var most uint64
	for _, n := range c {
		most = max(most, n)
	}
	shift := 0
	for most>>shift > maxWeight {
		shift++
	}
	w := weights{}
	for call, n := range c {
		if n > 0 {
			w[call] = max(n>>shift, 1)
		}
	}
	return w
}
