package live

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/scallop-sec/scallop/profiler/audit"
	"github.com/scallop-sec/scallop/profiler/audit/multicast"
	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/life"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// logged hears of calls that a filter allows and logs: they are made like any other, so only the kernel's audit tells.
type logged struct {
	listener *multicast.Listener
	cancel   context.CancelFunc
	ended    chan struct{}

	mu      sync.Mutex
	waiting []loggedCall
	lost    uint64 // there was no room for
	latest  time.Time
}

// loggedCall is one, of the workload with that number.
type loggedCall struct {
	workload int
	record   *audit.Record
}

// maxLogged bounds how many wait for the next look.
const maxLogged = 1 << 18

// hear begins; home tells the number of a process's workload.
func hear(home func(pid int) (int, bool)) (*logged, error) {
	if silent, err := multicast.Silent(); err == nil && slices.Contains(silent, "log") {
		return nil, fmt.Errorf("this host was told not to: write log to %s", multicast.ActionsLogged)
	}
	listener, err := multicast.Listen()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &logged{listener: listener, cancel: cancel, ended: make(chan struct{}), latest: time.Now()}
	go l.run(ctx, home)
	return l, nil
}

func (l *logged) run(ctx context.Context, home func(pid int) (int, bool)) {
	defer close(l.ended)
	for {
		r, err := l.listener.Next(ctx)
		if err != nil {
			return
		}
		if r.Action != report.Log {
			continue // seen where it happened
		}
		if number, ok := home(r.PID); ok {
			l.add(loggedCall{number, r})
		}
	}
}

func (l *logged) add(call loggedCall) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latest = time.Now()
	if len(l.waiting) >= maxLogged {
		l.lost++
		return
	}
	l.waiting = append(l.waiting, call)
}

// drain returns those that came since the last time and are of a workload that is known.
func (l *logged) drain(known func(workload int) bool) []loggedCall {
	l.mu.Lock()
	defer l.mu.Unlock()
	var calls, rest []loggedCall
	for _, call := range l.waiting {
		if known(call.workload) {
			calls = append(calls, call)
		} else {
			rest = append(rest, call)
		}
	}
	l.waiting = rest
	return calls
}

// forget those of workloads that nobody wanted.
func (l *logged) forget(numbers []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(c loggedCall) bool { return slices.Contains(numbers, c.workload) })
}

// missing is how many records were not heard, or not kept.
func (l *logged) missing() uint64 {
	losses := l.listener.Losses()
	l.mu.Lock()
	defer l.mu.Unlock()
	return losses.Missing + losses.Backlog + losses.Unread + l.lost
}

// Records come some time after the call, from a thread of the kernel's: quiet is how long none must have come at the end, and
// patience how long that is waited for.
const (
	quiet    = 200 * time.Millisecond
	patience = 5 * time.Second
)

// close waits for what is on its way.
func (l *logged) close() {
	if !l.awaitQuiet() {
		l.mu.Lock()
		l.lost++ // or more: nobody knows how many were to come
		l.mu.Unlock()
	}
	l.cancel()
	<-l.ended
	l.listener.Close()
}

// awaitQuiet is false if something came, or was left to be read, to the end: on a busy host this process may wait longer for
// its turn than it does for records.
func (l *logged) awaitQuiet() bool {
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(quiet / 10) {
		if time.Since(begin) >= quiet && l.listener.Idle() && time.Since(l.last()) >= quiet {
			return true
		}
	}
	return false
}

func (l *logged) last() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.latest
}

// takeLogged adds what was heard to what is known, and tells of it.
func (l *Live) takeLogged() {
	if l.logged == nil {
		return
	}
	type grown struct {
		*workload
		kind
	}
	more := map[grown]uint64{}
	var order []grown
	for _, call := range l.logged.drain(func(number int) bool { return l.lives[number] != nil }) {
		of := l.lives[call.workload]
		g := grown{l.workload(call.workload, of), loggedKind(of, call.record)}
		if g.rows[g.kind] == nil {
			g.rows[g.kind] = loggedRow(call.record, g.phase)
		}
		row := g.rows[g.kind]
		row.Count++
		if call.record.Time.After(row.Last) {
			row.Last = call.record.Time
		}
		if more[g]++; more[g] == 1 {
			order = append(order, g)
		}
	}
	for _, g := range order {
		l.opts.Log(eventOf(g.about, *g.rows[g.kind], more[g]))
	}
}

func loggedKind(of *life.Life, r *audit.Record) kind {
	return kind{phase: phaseAt(of, r.Time), abi: r.ABI, nr: r.Nr, action: report.Log}
}

// recordBehind is how far the time of a record may lie behind that of its call: it is that of the kernel's last tick, of 100 a
// second at least.
const recordBehind = 10 * time.Millisecond

// phaseAt is the phase that the workload was in, or that began right then.
func phaseAt(of *life.Life, at time.Time) string {
	phase := ""
	for _, turn := range of.Turns() {
		if phase == "" || !clock(of, turn.Time).After(at.Add(recordBehind)) {
			phase = turn.Phase
		}
	}
	return phase
}

func loggedRow(r *audit.Record, phase string) *report.Denial {
	name, _ := syscalls.Name(r.ABI, r.Nr)
	return &report.Denial{
		Source: report.Audit, ABI: string(r.ABI), Nr: max(r.Nr, -1), Name: name, Action: report.Log, Phase: phase, First: r.Time, Last: r.Time,
		Who: report.Who{
			Comm: recording.CleanString(r.Comm), Exe: recording.CleanString(r.Exe), PID: r.PID, UID: r.UID, Subject: recording.CleanString(r.Subject),
		},
	}
}
