package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// Events of a rehearsal, beside those of a watch.
const (
	eventWould      = "would-deny"
	eventWouldTotal = "would-deny-total"
)

// wouldLog prints findings as they come: a JSON object a line on standard output, or for people on a terminal.
type wouldLog struct {
	mu    sync.Mutex // counts come from the writer of recordings
	json  *json.Encoder
	w     io.Writer // nil: nothing is printed
	t     terminal
	lines *denialsLog // of what happens to workloads
}

func newWouldLog(e *env, f *denialsFlags) *wouldLog {
	l := &wouldLog{lines: newDenialsLog(e, f)}
	l.json, l.w, l.t = l.lines.json, l.lines.w, l.lines.t
	return l
}

func (l *wouldLog) watched(e watch.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines.watched(e)
}

func (l *wouldLog) found(at time.Time, c wouldCall) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.json != nil:
		l.write(at, eventWould, c)
	case l.w != nil && c.Answer == wouldDeny:
		fmt.Fprintf(l.w, "%s %s: would be denied: %s (%s) in %s by %s\n", l.t.paint(styleDim, at.Local().Format("15:04:05.000")), l.t.paint(styleBold, clean(c.Workload)),
			l.t.paint(styleRed, c.label()), c.Gets, clean(c.Phase), clean(c.Comm))
	}
}

func (l *wouldLog) counted(list []wouldCall) {
	if l.json == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range list {
		l.write(time.Now(), eventWouldTotal, c)
	}
}

// write ignores a reader that has gone: that is no reason to stop.
func (l *wouldLog) write(at time.Time, event string, c wouldCall) {
	_ = l.json.Encode(wouldEvent{APIVersion: recording.APIVersion, Time: at, Event: event, wouldCall: c})
}
