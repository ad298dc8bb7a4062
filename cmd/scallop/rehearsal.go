package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// wouldCall is a call of a workload that the profile would not simply allow.
type wouldCall struct {
	Workload string            `json:"workload"`
	Cgroup   string            `json:"cgroup"`
	ABI      string            `json:"abi"`
	Nr       int               `json:"nr"`
	Name     string            `json:"name"`
	Answer   string            `json:"answer"` // deny; depends: on arguments; answered: ENOSYS on purpose
	Gets     string            `json:"gets"`   // what a denied call gets: EPERM, kill_process
	Phase    string            `json:"phase"`  // of the first
	Comm     string            `json:"comm"`   // that made the first
	Count    uint64            `json:"count,omitempty"`
	Phases   map[string]uint64 `json:"phases,omitempty"` // the count by phase
}

// rehearsal collects what a profile would deny to the workloads of a watch. Its methods are called one at a time, but for save.
type rehearsal struct {
	judge *wouldJudge
	log   *wouldLog
	seen  map[string]bool  // what was told of
	saved chan []wouldCall // with their counts, of workloads that have ended
}

func newRehearsal(judge *wouldJudge, log *wouldLog) *rehearsal {
	r := &rehearsal{judge: judge, log: log, seen: map[string]bool{}, saved: make(chan []wouldCall, 1)}
	r.saved <- nil
	return r
}

// watched tells of a call when it is seen for the first time, once for a workload.
func (r *rehearsal) watched(e watch.Event) {
	if e.Kind != watch.EventSyscall {
		r.log.watched(e)
		return
	}
	if e.Phase == recording.PhaseSetup {
		return // before the runtime would load the filter
	}
	answer, gets := r.judge.judge(syscalls.ABI(e.ABI), *e.Nr)
	key := fmt.Sprint(e.Cgroup, "\x00", e.ABI, *e.Nr)
	if answer == wouldAllow || r.seen[key] {
		return
	}
	r.seen[key] = true
	r.log.found(e.Time, wouldCall{Workload: e.Workload, Cgroup: e.Cgroup, ABI: e.ABI, Nr: *e.Nr, Name: e.Name, Answer: answer, Gets: gets, Phase: e.Phase, Comm: e.Comm})
}

// save takes the counts of a workload that has ended. Nothing is written.
func (r *rehearsal) save(_ watch.Filename, rec *recording.Recording, final bool) (string, error) {
	if !final {
		return "", nil
	}
	list := r.count(rec)
	r.saved <- append(<-r.saved, list...)
	r.log.counted(list)
	return "", nil
}

func (r *rehearsal) count(rec *recording.Recording) []wouldCall {
	var list []wouldCall
	for _, s := range rec.Syscalls {
		answer, gets := r.judge.judge(syscalls.ABI(s.ABI), s.Nr)
		if answer == wouldAllow {
			continue
		}
		c := wouldCall{Workload: rec.Workload.Name, Cgroup: rec.Workload.Cgroup, ABI: s.ABI, Nr: s.Nr, Name: s.Name, Answer: answer, Gets: gets, Phases: map[string]uint64{}}
		first := int64(-1)
		for _, phase := range slices.Sorted(maps.Keys(s.Phases)) {
			seen := s.Phases[phase]
			if phase == recording.PhaseSetup {
				continue
			}
			c.Phases[phase] = seen.Count
			c.Count += seen.Count
			if first < 0 || seen.First.OffsetNs < first {
				first, c.Phase, c.Comm = seen.First.OffsetNs, phase, seen.First.Comm
			}
		}
		if c.Count > 0 {
			list = append(list, c)
		}
	}
	return list
}

// all are the calls with their counts, denied ones first, the most frequent ones before others.
func (r *rehearsal) all() []wouldCall {
	list := <-r.saved
	r.saved <- list
	list = slices.Clone(list)
	order := []string{wouldDeny, wouldDepend, wouldAnswer}
	slices.SortFunc(list, func(a, b wouldCall) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Answer), slices.Index(order, b.Answer)), cmp.Compare(a.Workload, b.Workload), cmp.Compare(a.Cgroup, b.Cgroup),
			cmp.Compare(b.Count, a.Count), cmp.Compare(a.ABI, b.ABI), cmp.Compare(a.Nr, b.Nr))
	})
	return list
}

func (r *rehearsal) denied() (n int) {
	for _, c := range r.all() {
		if c.Answer == wouldDeny {
			n++
		}
	}
	return n
}

func (r *rehearsal) writeTable(w io.Writer, t terminal) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	kinds, total, depends := 0, uint64(0), []string(nil)
	for _, c := range r.all() {
		switch c.Answer {
		case wouldDeny:
			if kinds == 0 {
				fmt.Fprintln(table, "WORKLOAD\tCALL\tWOULD GET\tCOUNT\tPHASES\tFIRST BY")
			}
			kinds, total = kinds+1, total+c.Count
			fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\n", clean(c.Workload), c.label(), c.Gets, c.Count, c.phases(), clean(c.Comm))
		case wouldDepend:
			depends = append(depends, c.label())
		}
	}
	_ = table.Flush() // into memory
	name := r.judge.profile.name
	switch kinds {
	case 0:
		fmt.Fprintln(w, t.paint(styleGreen, fmt.Sprintf("%s would deny nothing of what was seen.", name)))
	default:
		fmt.Fprintln(w, t.paint(styleBold+styleRed, fmt.Sprintf("%s would deny %s of %s.", name, plural(total, "call"), plural(kinds, "kind"))))
	}
	if len(depends) > 0 {
		slices.Sort(depends)
		fmt.Fprintf(w, "Arguments decide about %s, and a recorder does not see them: scallop verify --log-only does.\n", strings.Join(slices.Compact(depends), ", "))
	}
}

func (c *wouldCall) label() string {
	return eventCall(watch.Event{Name: c.Name, Nr: &c.Nr, ABI: c.ABI})
}

func (c *wouldCall) phases() string {
	var list []string
	for _, phase := range slices.Sorted(maps.Keys(c.Phases)) {
		list = append(list, fmt.Sprintf("%s %d", clean(phase), c.Phases[phase]))
	}
	return strings.Join(list, ", ")
}

// wouldEvent is a line of the log.
type wouldEvent struct {
	APIVersion string    `json:"apiVersion"`
	Time       time.Time `json:"time"`
	Event      string    `json:"event"` // would-deny when it is first seen; would-deny-total with the count, at the workload's end
	wouldCall
}
