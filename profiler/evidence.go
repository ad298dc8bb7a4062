package profiler

import (
	"cmp"
	"slices"

	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// callID is one (phase, ABI, number).
type callID struct {
	phase PhaseID
	abi   int
	nr    int
}

// LastSeen remembers, over the snapshots of one workload, when each counter was
// last found grown.
type LastSeen map[callID]seen

type seen struct {
	count uint64
	time  int64 // as Now
}

// Saved is a LastSeen as plain data: phase, ABI, number, count and time of each.
type Saved [][5]uint64

// Save returns all of it, in no particular order.
func (l LastSeen) Save() Saved {
	saved := make(Saved, 0, len(l))
	for id, s := range l {
		saved = append(saved, [5]uint64{uint64(id.phase), uint64(id.abi), uint64(id.nr), s.count, uint64(s.time)})
	}
	return saved
}

// LastSeenOf restores what Save returned.
func LastSeenOf(saved Saved) LastSeen {
	l := make(LastSeen, len(saved))
	for _, s := range saved {
		l[callID{PhaseID(s[0]), int(s[1]), int(s[2])}] = seen{s[3], int64(s[4])}
	}
	return l
}

// Look takes a snapshot into account, and returns the calls that no earlier one had, in the order in which they
// were first made. Snapshots come in the order of their time.
func (l LastSeen) Look(s *Snapshot) (fresh []Call) {
	for _, c := range s.Calls {
		id := callID{c.Phase, c.ABI, c.Nr}
		before, known := l[id]
		if !known {
			fresh = append(fresh, c)
		}
		if c.Count != before.count {
			l[id] = seen{c.Count, s.Time}
		}
	}
	slices.SortFunc(fresh, func(a, b Call) int { return cmp.Compare(a.First.Time, b.First.Time) })
	return fresh
}

// Evidence turns a snapshot into the ranking of a recording. Times become offsets from
// start; what the workload chose (comm, paths) is cleaned.
func Evidence(s *Snapshot, last LastSeen, names *PhaseNames, start int64) []recording.Syscall {
	type key struct {
		abi syscalls.ABI
		nr  int
	}
	rows := map[key]*recording.Syscall{}
	var order []key
	for _, c := range s.Calls {
		k := key{ABI(c.ABI), c.Nr}
		row := rows[k]
		if row == nil {
			name, _ := syscalls.Name(k.abi, k.nr)
			row = &recording.Syscall{ABI: string(k.abi), Nr: k.nr, Name: name, Phases: map[string]recording.PhaseCount{}}
			rows[k] = row
			order = append(order, k)
		}
		row.Total += c.Count
		row.Phases[names.Name(c.Phase)] = recording.PhaseCount{
			Count:      c.Count,
			First:      firstCall(c.First, s.Exes, start),
			LastSeenNs: max(0, last[callID{c.Phase, c.ABI, c.Nr}].time-start),
		}
	}
	list := make([]recording.Syscall, 0, len(order))
	for _, k := range order {
		list = append(list, *rows[k])
	}
	return list
}

func firstCall(f First, exes map[ExeID]string, start int64) recording.FirstCall {
	return recording.FirstCall{
		OffsetNs: max(0, f.Time-start),
		Comm:     recording.CleanString(f.Comm),
		Exe:      recording.CleanString(exes[f.Exe]),
		PID:      f.PID,
		TID:      f.TID,
	}
}
