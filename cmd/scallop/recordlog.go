package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/scallop-sec/scallop/profiler/recording"
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
		return func(event watch.Event) { printEvent(e.stderr, terminalOf(e, e.stderr), event) }
	}
}

// printEvent is a line for people.
func printEvent(w io.Writer, t terminal, e watch.Event) {
	at, name := t.paint(styleDim, e.Time.Local().Format("15:04:05.000")), t.paint(styleBold, e.Workload)
	switch e.Kind {
	case watch.EventRecording:
		fmt.Fprintf(w, "%s recording; Ctrl-C ends it\n", at)
	case watch.EventWorkload:
		fmt.Fprintf(w, "%s %s: %s in %s\n", at, name, e.Type, e.Cgroup)
	case watch.EventPhase:
		fmt.Fprintf(w, "%s %s: %s (%s)\n", at, name, t.paint(styleGreen, e.Phase), strings.TrimSuffix(e.Trigger.Kind+": "+e.Trigger.Detail, ": "))
	case watch.EventSyscall:
		if e.Phase == recording.PhaseSetup {
			return // of the runtime, some hundred each time
		}
		call := e.Name
		if call == "" {
			call = fmt.Sprintf("number %d", *e.Nr)
		}
		fmt.Fprintf(w, "%s %s: %s %s by %s\n", at, name, t.paint(styleDim, e.Phase), t.paint(styleCyan, call), e.Comm)
	case watch.EventEnd:
		fmt.Fprintf(w, "%s %s: %s\n", at, name, endText(e))
	}
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
