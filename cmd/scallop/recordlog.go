package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// recordLogger prints what happens: on standard output as JSON lines, or for people on a terminal.
func recordLogger(e *env, f *recordFlags) func(watch.Event) {
	switch {
	case f.json():
		encoder := json.NewEncoder(e.stdout)
		return func(event watch.Event) { _ = encoder.Encode(event) } // a reader that has gone is no reason to stop
	case f.quiet || !terminalOf(e, e.stderr).tty:
		return func(watch.Event) {}
	default:
		p := &eventPrinter{w: e.stderr, t: terminalOf(e, e.stderr)}
		return p.print
	}
}

// eventPrinter prints lines for people. Calls come many at a time, whenever the counters were read: those of
// one phase and one program share a line.
type eventPrinter struct {
	w io.Writer
	t terminal

	mu    sync.Mutex
	calls []watch.Event // not printed yet
}

// callsWait is how long calls wait for others: longer than it takes to hand over what was read at once.
const callsWait = 50 * time.Millisecond

func (p *eventPrinter) print(e watch.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Kind == watch.EventSyscall && e.Phase == recording.PhaseSetup {
		return // of the runtime, some hundred each time
	}
	if e.Kind != watch.EventSyscall {
		p.printCalls()
		printEvent(p.w, p.t, e)
		return
	}
	if len(p.calls) == 0 {
		time.AfterFunc(callsWait, p.flush)
	}
	p.calls = append(p.calls, e)
}

func (p *eventPrinter) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.printCalls()
}

// printCalls prints a line for each workload, phase and program, in the order in which they first come.
func (p *eventPrinter) printCalls() {
	type line struct{ workload, cgroup, phase, comm string }
	var order []line
	names := map[line][]string{}
	first := map[line]watch.Event{}
	for _, e := range p.calls {
		l := line{shownName(e), e.Cgroup, e.Phase, e.Comm}
		if names[l] == nil {
			order = append(order, l)
			first[l] = e
		}
		names[l] = append(names[l], eventCall(e))
	}
	for _, l := range order {
		at := p.t.paint(styleDim, clock(first[l]))
		fmt.Fprintf(p.w, "%s %s: %s by %s: %s\n", at, p.t.paint(styleBold, l.workload), l.phase, l.comm, p.t.paint(styleCyan, strings.Join(names[l], " ")))
	}
	p.calls = nil
}

// shownName tells the containers of one name apart that every pod of a deployment has.
func shownName(e watch.Event) string {
	if e.Pod == "" {
		return e.Workload
	}
	return e.Pod + "/" + e.Workload
}

func clock(e watch.Event) string { return e.Time.Local().Format("15:04:05.000") }

// eventCall is the call's, with its table if that is not the usual one of this machine.
func eventCall(e watch.Event) string {
	name := e.Name
	if name == "" {
		name = fmt.Sprintf("#%d", *e.Nr)
	}
	if native, ok := syscalls.Native(runtime.GOARCH); ok && e.ABI != string(native) {
		name += " (" + e.ABI + ")"
	}
	return name
}

// printEvent is a line for people.
func printEvent(w io.Writer, t terminal, e watch.Event) {
	at, name := t.paint(styleDim, clock(e)), t.paint(styleBold, shownName(e))
	switch e.Kind {
	case watch.EventRecording:
		fmt.Fprintf(w, "%s %s; Ctrl-C ends it\n", at, recordingText(e))
	case watch.EventWorkload:
		fmt.Fprintf(w, "%s %s: %s in %s\n", at, name, e.Type, e.Cgroup)
	case watch.EventPhase:
		fmt.Fprintf(w, "%s %s: %s (%s)\n", at, name, t.paint(styleGreen, e.Phase), strings.TrimSuffix(e.Trigger.Kind+": "+e.Trigger.Detail, ": "))
	case watch.EventEnd:
		fmt.Fprintf(w, "%s %s: %s\n", at, name, endText(e))
	}
}

func recordingText(e watch.Event) string {
	if e.UnwatchedNs == 0 {
		return "recording"
	}
	return "recording again, after " + span(e.UnwatchedNs) + " with nobody watching"
}

func endText(e watch.Event) string {
	switch {
	case e.File == "":
		return "not written"
	case !*e.Complete:
		return "wrote " + e.File + ", which is incomplete"
	default:
		return "wrote " + e.File
	}
}

// afterRecording calls back once everything is attached.
func afterRecording(log func(watch.Event), then func()) func(watch.Event) {
	var once sync.Once
	return func(event watch.Event) {
		log(event)
		if event.Kind == watch.EventRecording {
			once.Do(then)
		}
	}
}
