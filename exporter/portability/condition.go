package portability

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Condition limits an added call to arguments with which it is the same as the call that it
// came from, and no more.
type Condition struct {
	// Text ends a sentence about the call: "without flags for namespaces".
	Text string

	args func(abi string) [][]specs.LinuxSeccompArg
}

// Args are alternatives, each a list of comparisons that must all hold, for a host of that native
// ABI. They are nil where the condition cannot be expressed: there the call is not added.
func (c *Condition) Args(abi string) [][]specs.LinuxSeccompArg { return c.args(abi) }

// namespaceFlags are CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET, as in Docker's
// default profile. CLONE_NEWTIME is no flag of clone: its bit belongs to the signal there.
const namespaceFlags = 0x7e020000

var conditions = map[string]*Condition{
	"no-namespaces": {"without flags for namespaces", noNamespaces},
	"terminal":      {"TCGETS and TIOCGWINSZ only", terminal},
}

func noNamespaces(abi string) [][]specs.LinuxSeccompArg {
	flags := specs.LinuxSeccompArg{Index: 0, Value: namespaceFlags, ValueTwo: 0, Op: specs.OpMaskedEqual}
	if abi == "s390x" {
		flags.Index = 1 // CONFIG_CLONE_BACKWARDS2: the stack comes first
	}
	return [][]specs.LinuxSeccompArg{{flags}}
}

// genericIoctls are the ABIs whose requests are those of asm-generic/ioctls.h. MIPS and
// PowerPC have numbers of their own.
var genericIoctls = []string{"aarch64", "arm", "loongarch64", "riscv64", "s390x", "x32", "x86", "x86_64"}

func terminal(abi string) [][]specs.LinuxSeccompArg {
	if !slices.Contains(genericIoctls, abi) {
		return nil
	}
	var list [][]specs.LinuxSeccompArg
	for _, request := range []uint64{0x5401, 0x5413} { // TCGETS, TIOCGWINSZ
		list = append(list, []specs.LinuxSeccompArg{{Index: 1, Value: request, Op: specs.OpEqualTo}})
	}
	return list
}
