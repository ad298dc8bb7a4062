package main

import (
	"context"
	"errors"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/scallop-sec/scallop/profiler/audit"
	"github.com/scallop-sec/scallop/profiler/audit/multicast"
	"github.com/scallop-sec/scallop/profiler/denials/live"
	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/ready"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// followAudit makes a report of the records that the kernel sends from now on.
func followAudit(e *env, f *denialsFlags) (*report.Report, error) {
	ctx, cancel := signal.NotifyContext(e.ctx, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer cancel()
	if f.duration > 0 {
		ctx, cancel = context.WithTimeout(ctx, f.duration)
		defer cancel()
	}
	listener, err := multicast.Listen()
	if err != nil {
		return nil, hostError(err)
	}
	defer listener.Close()
	warnSilent(e)
	tally, stop := f.tally(e, true)
	defer stop()
	r := auditHead()
	r.ID, r.StartedAt, r.Host = recording.NewID(), time.Now(), live.Host()
	log := newDenialsLog(e, f)
	log.watched(watch.Event{Kind: watch.EventRecording, Time: r.StartedAt})
	ready.Tell(e.getenv("NOTIFY_SOCKET"))
	if err := follow(ctx, listener, tally, log); err != nil {
		return nil, err
	}
	account(r, listener.Losses())
	tally.Fill(r)
	r.EndedAt = time.Now()
	return sorted(log, r, 1)
}

// follow counts until the context ends.
func follow(ctx context.Context, listener *multicast.Listener, tally *audit.Tally, log *denialsLog) error {
	for {
		record, err := listener.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return hostError(err)
		}
		if first := tally.Add(record); first != nil {
			log.denied(eventOf(&first.Workload, first.Denial, 1))
		}
	}
}

func eventOf(w *report.Workload, d report.Denial, more uint64) live.Event {
	return live.Event{
		Event:     watch.Event{Time: d.Last, Kind: live.EventDenied, Workload: w.Name, Cgroup: w.Cgroup, Type: w.Kind},
		More:      more,
		PerSecond: d.PerSecond(),
		Denial:    d,
	}
}

// summarize tells of the denials that were not told yet: all but the first told of each kind. People have a table.
func (l *denialsLog) summarize(r *report.Report, told uint64) {
	if l.json == nil {
		return
	}
	for i := range r.Workloads {
		w := &r.Workloads[i]
		for _, d := range w.Denials {
			if d.Count > told {
				l.denied(eventOf(w, d, d.Count-told))
			}
		}
	}
}

// account notes what was not heard.
func account(r *report.Report, losses multicast.Losses) {
	audit.Lose(r, audit.LossMissing, losses.Missing, "audit records, of whatever type, never came: the kernel dropped them, or scallop was too slow")
	audit.Lose(r, audit.LossBacklog, losses.Backlog, "audit records were dropped by the kernel before it numbered them: raise its limit with auditctl -b")
	audit.Lose(r, audit.LossUnread, losses.Unread, "seccomp records could not be read")
	if losses.Missing == 0 {
		audit.Lose(r, audit.LossOverflow, losses.Overflows, "times there was no room for audit records, and no later record tells how many are missing")
	}
}

// warnSilent tells which actions this host was told to keep silent about.
func warnSilent(e *env) {
	silent, err := multicast.Silent()
	if err == nil && len(silent) > 0 {
		err = errors.New("the kernel writes no records of " + strings.Join(silent, ", ") + ": add them to " + multicast.ActionsLogged)
	}
	if err != nil {
		warn(e, "%v", err)
	}
}
