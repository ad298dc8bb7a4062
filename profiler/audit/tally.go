package audit

import (
	"cmp"
	"hash/maphash"
	"time"

	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Limits of a tally. Names of programs are the workloads' choice: whoever runs a million of them must not take the memory.
const (
	maxRows   = 1 << 14
	maxEvents = 1 << 20 // some 40 MB
	maxWord   = 256     // bytes of a name that is kept
)

// Tally counts records as a report does: by workload, ABI, number and action. Records that occur twice, as in the kernel's
// log and in auditd's, count once.
type Tally struct {
	// Workload tells to whom a record belongs; false if nobody knows any more. Nil: nobody does.
	Workload func(*Record) (report.Workload, bool)

	workloads map[workloadKey]*report.Workload
	rows      map[rowKey]*row
	seed      maphash.Seed
	events    map[uint64]struct{}
	noRoom    uint64 // denials that were not counted: too many kinds
	forgotten bool   // too many events to tell whether one occurs twice
}

type workloadKey struct{ kind, name, cgroup string }

type rowKey struct {
	workloadKey
	abi    syscalls.ABI
	nr     int
	action string
}

// row is a denial under way. Of the log that is being read, numbered and bare count the records with and without a serial
// number: where there are both, they are two tellings of the same, as journalctl prints the kernel's lines and its own.
type row struct {
	report.Denial
	numbered, bare uint64
}

// NewTally counts nothing yet.
func NewTally() *Tally {
	return &Tally{
		workloads: map[workloadKey]*report.Workload{}, rows: map[rowKey]*row{},
		seed: maphash.MakeSeed(), events: map[uint64]struct{}{},
	}
}

// First is a denial of a kind that was not there before.
type First struct {
	Workload report.Workload // without denials
	Denial   report.Denial
}

// Add counts a record. It returns what is the first of its kind, and nil for all others.
func (t *Tally) Add(r *Record) *First {
	if r.Serial != 0 && t.known(r) {
		return nil
	}
	row, w := t.row(r)
	if row == nil {
		t.noRoom++
		return nil
	}
	var first *First
	if row.Count+row.numbered+row.bare == 0 {
		first = &First{*w, row.Denial}
		first.Denial.Count = 1
	}
	if r.Serial == 0 {
		row.bare++
	} else {
		row.numbered++
	}
	if earlier(r, &row.Denial) {
		row.First, row.Who = r.Time, whoOf(r)
	}
	if r.Time.After(row.Last) {
		row.Last = r.Time
	}
	return first
}

// known tells whether the event was counted before, and remembers it.
func (t *Tally) known(r *Record) bool {
	id := maphash.Comparable(t.seed, [4]int64{r.Time.UnixMilli(), int64(r.Serial), int64(r.PID), int64(r.Nr)})
	if _, ok := t.events[id]; ok {
		return true
	}
	if len(t.events) >= maxEvents {
		t.forgotten = true
		return false
	}
	t.events[id] = struct{}{}
	return false
}

// row finds or makes the row of a record, and whose it is; nil if there is no room.
func (t *Tally) row(r *Record) (*row, *report.Workload) {
	w := t.workload(r)
	key := rowKey{workloadKey{w.Kind, w.Name, w.Cgroup}, r.ABI, max(r.Nr, -1), r.Action}
	if known := t.rows[key]; known != nil {
		return known, &w
	}
	if len(t.rows) >= maxRows {
		return nil, nil
	}
	if t.workloads[key.workloadKey] == nil {
		t.workloads[key.workloadKey] = &w
	}
	name, _ := syscalls.Name(r.ABI, r.Nr)
	t.rows[key] = &row{Denial: report.Denial{
		Source: report.Audit, ABI: string(r.ABI), Nr: key.nr, Name: name, Action: r.Action,
		First: r.Time, Last: r.Time, Who: whoOf(r),
	}}
	return t.rows[key], &w
}

// workload names what nobody knows any more by its program.
func (t *Tally) workload(r *Record) report.Workload {
	if t.Workload != nil {
		if w, ok := t.Workload(r); ok {
			return w
		}
	}
	return report.Workload{Kind: report.KindUnknown, Name: cmp.Or(word(r.Exe), word(r.Comm), "unknown")}
}

// earlier tells whether the record is from before the row's first one; of two of the same time, the lesser PID's is the first.
func earlier(r *Record, d *report.Denial) bool {
	if r.Time.IsZero() != d.First.IsZero() {
		return d.First.IsZero()
	}
	return cmp.Or(r.Time.Compare(d.First), cmp.Compare(r.PID, d.Who.PID)) < 0
}

func whoOf(r *Record) report.Who {
	return report.Who{Comm: word(r.Comm), Exe: word(r.Exe), PID: r.PID, UID: r.UID, Subject: word(r.Subject), Args: r.Args}
}

// word makes a string of a workload fit for a report.
func word(s string) string {
	return clip(recording.CleanString(clip(s, maxWord)), 2*maxWord)
}

// EndLog settles the log that was read: of two tellings of the same, the one that has more counts.
func (t *Tally) EndLog() {
	for _, r := range t.rows {
		r.Count += max(r.numbered, r.bare)
		r.numbered, r.bare = 0, 0
	}
}

// Fill puts what was counted into a report.
func (t *Tally) Fill(r *report.Report) {
	t.EndLog()
	for key, row := range t.rows {
		w := t.workloads[key.workloadKey]
		w.Denials = append(w.Denials, row.Denial)
		r.StartedAt = earliest(r.StartedAt, row.First)
		if row.Last.After(r.EndedAt) {
			r.EndedAt = row.Last
		}
	}
	for _, w := range t.workloads {
		r.Workloads = append(r.Workloads, *w)
		w.Denials = nil
	}
	if t.noRoom > 0 {
		Lose(r, LossNoRoom, t.noRoom, "denials of too many kinds: read parts of the log alone")
	}
	if t.forgotten {
		Lose(r, LossMaybeTwice, 1, "so many denials that those which are in two of the logs may count twice: give one log")
	}
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
