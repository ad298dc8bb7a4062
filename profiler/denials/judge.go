package denials

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/scallop-sec/scallop/bpf/denials"
	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Judge is a call about which its arguments decide: under a filter that logs instead of denying, all
// combinations of them that occur are counted.
type Judge struct {
	ABI  syscalls.ABI
	Nr   int
	Args [6]bool // those that decide
}

// Judged is how often a call was made with these arguments; those that do not decide are 0.
type Judged struct {
	Workload int
	Phase    profiler.PhaseID
	ABI      syscalls.ABI
	Nr       int
	Args     [6]uint64
	Count    uint64
}

// maxJudges bounds the calls with conditions.
const maxJudges = 1 << 10

// abiNumbers are those that the kernel side can have.
const abiNumbers = 3

// abiNumber is the kernel side's number of an ABI; false: this kernel has it not.
func abiNumber(abi syscalls.ABI) (uint32, bool) {
	for n := range uint32(abiNumbers) {
		if profiler.ABI(int(n)) == abi {
			return n, true
		}
	}
	return 0, false
}

// putJudges tells the kernel side which arguments to look at. Calls of other machines cannot occur.
func (w *Watcher) putJudges(judges []Judge) error {
	for _, j := range judges {
		abi, ok := abiNumber(j.ABI)
		if !ok {
			continue
		}
		var mask uint32
		for i, decides := range j.Args {
			if decides {
				mask |= 1 << i
			}
		}
		key := denials.DenialsJudgeKey{Nr: uint32(j.Nr), Abi: abi}
		if err := w.objects.Maps[denials.DenialsMapJudges].Put(key, mask); err != nil {
			return fmt.Errorf("watching the arguments of call %d of %s: %w", j.Nr, j.ABI, err)
		}
	}
	return nil
}

func (w *Watcher) readJudged(s *Snapshot) error {
	var key denials.DenialsJudgedKey
	var count uint64
	entries := w.objects.Maps[denials.DenialsMapJudged].Iterate()
	for w.next(entries, &key, &count) {
		s.Judged = append(s.Judged, Judged{
			Workload: int(key.Workload),
			Phase:    profiler.PhaseID(key.Phase),
			ABI:      profiler.ABI(int(key.Abi)),
			Nr:       int(key.Nr),
			Args:     key.Args,
			Count:    count,
		})
	}
	slices.SortFunc(s.Judged, func(a, b Judged) int {
		return cmp.Or(cmp.Compare(a.Workload, b.Workload), cmp.Compare(a.Phase, b.Phase), cmp.Compare(a.ABI, b.ABI),
			cmp.Compare(a.Nr, b.Nr), slices.Compare(a.Args[:], b.Args[:]))
	})
	if err := entries.Err(); err != nil {
		return fmt.Errorf("reading the arguments of calls: %w", err)
	}
	return nil
}
