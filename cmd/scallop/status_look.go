package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/status"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// statusLook is one look at workloads.
type statusLook struct {
	proc    fs.FS            // /proc
	profile *comparedProfile // of --profile; nil: none
	attach  bool
}

func (l *statusLook) report(ctx context.Context, list []watch.Found) (*statusReport, error) {
	r := &statusReport{APIVersion: recording.APIVersion, Kind: "StatusReport", Workloads: []statusWorkload{}}
	if l.profile != nil {
		r.Profile = l.profile.name
	}
	for _, found := range list {
		if ctx.Err() != nil {
			return nil, errors.New("the look was interrupted: run it again")
		}
		w, err := l.workload(r, &found)
		if err != nil {
			return nil, err
		}
		r.Workloads = append(r.Workloads, *w)
		r.Processes += len(w.Processes)
		r.Findings += len(w.Findings)
	}
	return r, nil
}

func (l *statusLook) workload(r *statusReport, found *watch.Found) (*statusWorkload, error) {
	pids, err := found.Procs()
	if err != nil {
		return nil, err
	}
	w := newStatusWorkload(found)
	asGiven := givenOf(found)
	for _, pid := range pids {
		if pid == os.Getpid() {
			continue // scallop is no part of what it looks at
		}
		p, err := status.Read(l.proc, pid)
		if errors.Is(err, status.ErrGone) {
			r.Vanished++
			continue
		}
		if err != nil {
			return nil, err
		}
		if asGiven.bounding == nil {
			asGiven.bounding = p.Bounding
		}
		row := newStatusProcess(p)
		w.find(status.Judge(p, expected(found))...)
		if l.attach && p.Confined() {
			row.Live = l.live(p, asGiven)
			w.findOther(row.Live, p.PID)
			if row.Live.failed() {
				r.Unread++
			}
		}
		w.Processes = append(w.Processes, row)
	}
	if w.Container != nil {
		w.Container.Given = l.given(asGiven)
		if l.profile != nil {
			w.findOther(w.Container.Given, 0)
		}
	}
	return &w, nil
}

// expected tells whether all processes of the workload should be confined: it was named, or its engine gave it a profile.
func expected(found *watch.Found) bool {
	c := found.Container
	return found.Target.Kind != watch.All || c != nil && c.Seccomp != "" && c.Seccomp != engine.Unconfined
}

func (w *statusWorkload) find(list ...status.Finding) {
	for _, f := range list {
		w.Findings = append(w.Findings, statusFinding{Kind: string(f.Kind), PID: f.PID, TID: f.TID, Text: f.Text})
	}
}

// findOther is for a comparison with --profile; one that could not be made is no finding.
func (w *statusWorkload) findOther(c *comparison, pid int) {
	if c == nil || c.failed() || c.Same {
		return
	}
	what := "its engine gave it a profile that is not " + c.With
	if pid != 0 {
		what = "its filters are not " + c.With
	}
	w.Findings = append(w.Findings, statusFinding{Kind: string(status.OtherVerdicts), PID: pid,
		Text: fmt.Sprintf("%s: other verdicts for %s", what, plural(len(c.Differences)+c.Unnamed, "number"))})
}

// live compares the filters of the thread that has most of them.
func (l *statusLook) live(p *status.Process, g *given) *comparison {
	thread := slices.MaxFunc(p.Threads, func(a, b status.Thread) int { return a.Filters - b.Filters })
	programs, err := status.Filters(thread.TID)
	if errors.Is(err, status.ErrGone) {
		return nil
	}
	if err != nil {
		return &comparison{With: l.profile.name, Error: clean(err.Error())}
	}
	return l.profile.compareLive(programs, g)
}
