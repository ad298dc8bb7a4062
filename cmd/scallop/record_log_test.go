package main

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// Calls that were read at once share a line, if phase and program are the same; other lines come in their order.
func TestEventPrinter(t *testing.T) {
	native, ok := syscalls.Native(runtime.GOARCH)
	if !ok {
		t.Skip("no table for this machine")
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.Local)
	nr, yes, no := 512, true, false
	call := func(workload, phase, comm, name string, abi syscalls.ABI) watch.Event {
		return watch.Event{Kind: watch.EventSyscall, Time: at, Workload: workload, Phase: phase, Comm: comm, Name: name, ABI: string(abi), Nr: &nr}
	}
	var out bytes.Buffer
	p := &eventPrinter{w: &out}
	for _, e := range []watch.Event{
		{Kind: watch.EventRecording, Time: at},
		{Kind: watch.EventRecording, Time: at, UnwatchedNs: 5e9},
		{Kind: watch.EventWorkload, Time: at, Workload: "web", Type: recording.KindContainer, Cgroup: "/docker/x"},
		{Kind: watch.EventPhase, Time: at, Workload: "web", Phase: "startup", Trigger: &recording.Trigger{Kind: "exec"}},
		call("web", "setup", "runc", "mount", native),
		call("web", "startup", "nginx", "brk", native),
		call("web", "startup", "sh", "brk", native),
		call("web", "startup", "nginx", "mmap", native),
		call("db", "startup", "nginx", "", "x86"),
		{Kind: watch.EventPhase, Time: at, Workload: "web", Pod: "cart-0", Phase: "startup", Trigger: &recording.Trigger{Kind: "exec"}},
		{Kind: watch.EventPhase, Time: at, Workload: "web", Phase: "steady", Trigger: &recording.Trigger{Kind: "settle", Detail: "no new call for 5s"}},
		{Kind: watch.EventEnd, Time: at, Workload: "web", File: "out/web.json", Complete: &yes},
		{Kind: watch.EventEnd, Time: at, Workload: "web", File: "out/web.json", Complete: &no},
		{Kind: watch.EventEnd, Time: at, Workload: "web", Complete: &yes},
	} {
		p.print(e)
	}
	want := `recording; Ctrl-C ends it
recording again, after 5.00s with nobody watching; Ctrl-C ends it
web: container in /docker/x
web: startup (exec)
web: startup by nginx: brk mmap
web: startup by sh: brk
db: startup by nginx: #512 (x86)
cart-0/web: startup (exec)
web: steady (settle: no new call for 5s)
web: wrote out/web.json
web: wrote out/web.json, which is incomplete
web: not written
`
	if got := strings.ReplaceAll(out.String(), "03:04:05.006 ", ""); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// Without anything after them, calls do not wait for ever.
	out.Reset()
	p.print(call("web", "steady", "nginx", "read", native))
	eventually(t, "the line", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return strings.Contains(out.String(), "web: steady by nginx: read\n")
	})
}
