package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/scallop-sec/scallop/profiler/denials/live"
	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// denialsLog prints what happens while it does: on standard output as JSON lines, or for people on a terminal.
type denialsLog struct {
	w    io.Writer // nil: nothing is printed
	json *json.Encoder
	t    terminal
	told map[string]*toldKind
}

// toldKind is a kind of denial that was told of: once more at most every tellInterval.
type toldKind struct {
	at   time.Time
	more uint64 // since then
}

const tellInterval = time.Second

func newDenialsLog(e *env, f *denialsFlags) *denialsLog {
	t := terminalOf(e, e.stderr)
	switch {
	case f.output == "json":
		encoder := json.NewEncoder(e.stdout)
		encoder.SetEscapeHTML(false)
		return &denialsLog{json: encoder}
	case f.quiet || !t.tty:
		return &denialsLog{}
	default:
		return &denialsLog{w: e.stderr, t: t, told: map[string]*toldKind{}}
	}
}

// eventWatching is the first line: everything is attached.
const eventWatching = "watching"

// watched tells of workloads and their phases.
func (l *denialsLog) watched(event watch.Event) {
	switch {
	case l.json != nil:
		if event.Kind == watch.EventRecording {
			event.Kind = eventWatching
		}
		_ = l.json.Encode(struct {
			APIVersion string `json:"apiVersion"`
			watch.Event
		}{report.APIVersion, event}) // a reader that has gone is no reason to stop
	case l.w == nil:
	case event.Kind == watch.EventRecording:
		fmt.Fprintf(l.w, "%s watching; Ctrl-C ends it\n", l.t.paint(styleDim, clock(event)))
	case event.Kind == watch.EventEnd:
		fmt.Fprintf(l.w, "%s %s: gone\n", l.t.paint(styleDim, clock(event)), l.t.paint(styleBold, event.Workload))
	default:
		printEvent(l.w, l.t, event)
	}
}

func (l *denialsLog) denied(event live.Event) {
	switch {
	case l.json != nil:
		_ = l.json.Encode(struct {
			APIVersion string `json:"apiVersion"`
			live.Event
		}{report.APIVersion, event})
	case l.w != nil:
		l.print(event)
	}
}

// print is a line for people: "11:02:31.480 web: denied socket (EPERM) in startup to nginx[812], 3 more".
func (l *denialsLog) print(event live.Event) {
	d := &event.Denial
	key := fmt.Sprint(event.Workload, event.Cgroup, d.Source, d.Phase, d.ABI, d.Nr, denialAnswer(d))
	told := l.told[key]
	if told == nil {
		told = &toldKind{}
		l.told[key] = told
	}
	if told.more += event.More; event.Time.Sub(told.at) < tellInterval {
		return
	}
	more := ""
	if d.Count > told.more {
		more = fmt.Sprintf(", %d more, %d in all", told.more, d.Count)
	} else if d.Count > 1 {
		more = fmt.Sprintf(", %d times", d.Count)
	}
	told.at, told.more = event.Time, 0
	fmt.Fprintf(l.w, "%s %s: %s %s (%s) in %s to %s[%d]%s\n", l.t.paint(styleDim, clock(event.Event)), l.t.paint(styleBold, event.Workload), denialVerb(d),
		l.t.paint(styleRed, denialCall(d)), denialAnswer(d), phaseWord(d.Phase), recording.CleanString(d.Who.Comm), cmp.Or(d.Who.TID, d.Who.PID), more)
}

func denialVerb(d *report.Denial) string {
	if d.Action == report.Log {
		return "logged"
	}
	return "denied"
}

func denialCall(d *report.Denial) string {
	return eventCall(watch.Event{Name: d.Name, Nr: &d.Nr, ABI: d.ABI})
}

// denialAnswer is what the call got: ENOSYS, kill, trap.
func denialAnswer(d *report.Denial) string {
	switch {
	case d.Return == nil:
		return d.Action
	case d.Action == report.Errno:
		return errnoName(*d.Return)
	default:
		return d.Action + " " + errnoName(*d.Return)
	}
}

func phaseWord(phase string) string {
	if phase == "" {
		return "an unknown phase"
	}
	return phase
}

// writeDenialTable is for people: every kind of denial, then what was asked for about the first of each.
func writeDenialTable(w io.Writer, t terminal, r *report.Report) {
	kinds, total := 0, uint64(0)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, one := range r.Workloads {
		for i := range one.Denials {
			if kinds == 0 {
				fmt.Fprintln(table, "WORKLOAD\tCALL\tANSWER\tCOUNT\tRATE\tPHASE\tFIRST\tLAST\tCOMM\tPID/TID\tEXE\tNOTE")
			}
			kinds, total = kinds+1, total+one.Denials[i].Count
			fmt.Fprintln(table, denialRow(&one, &one.Denials[i]))
		}
	}
	_ = table.Flush() // as whoever writes tables: a reader that has gone sees nothing
	writeDetails(w, r)
	switch {
	case kinds == 0:
		fmt.Fprintln(w, t.paint(styleGreen, "Nothing was denied."))
	default:
		fmt.Fprintln(w, t.paint(styleBold+styleRed, fmt.Sprintf("%s, %d different.", plural(total, "denial"), kinds)))
	}
	for _, reason := range r.Incomplete {
		fmt.Fprintln(w, t.paint(styleYellow, "Not everything was seen: "+recording.CleanString(reason)+"."))
	}
}

func denialRow(w *report.Workload, d *report.Denial) string {
	rate := "-"
	if perSecond := d.PerSecond(); perSecond > 0 {
		rate = fmt.Sprintf("%.3g/s", perSecond)
	}
	const clock = "15:04:05.000"
	row := []string{
		w.Name, denialCall(d), denialAnswer(d), fmt.Sprint(d.Count), rate, phaseWord(d.Phase), d.First.Local().Format(clock), d.Last.Local().Format(clock),
		d.Who.Comm, fmt.Sprintf("%d/%d", d.Who.PID, d.Who.TID), d.Who.Exe, d.Who.Note,
	}
	for i := range row {
		row[i] = recording.CleanString(row[i])
	}
	return strings.TrimRight(strings.Join(row, "\t"), "\t")
}

// writeDetails is what --args and --stack are for.
func writeDetails(w io.Writer, r *report.Report) {
	for _, one := range r.Workloads {
		for i := range one.Denials {
			d := &one.Denials[i]
			if len(d.Who.Args)+len(d.Who.Stack) == 0 {
				continue
			}
			fmt.Fprintf(w, "\n%s: the first %s in %s", recording.CleanString(one.Name), denialCall(d), phaseWord(d.Phase))
			if len(d.Who.Args) > 0 {
				fmt.Fprintf(w, " had the arguments %s", recording.CleanString(strings.Join(d.Who.Args, ", ")))
			}
			fmt.Fprintln(w)
			for _, frame := range d.Who.Stack {
				fmt.Fprintf(w, "    %s\n", recording.CleanString(frame))
			}
		}
	}
}
