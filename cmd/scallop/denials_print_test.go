package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/denials/live"
	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// A kind of denial is told of once a second at most, and none is left out of what is told next. What the workload chose
// does not reach the terminal as it is.
func TestDenialLines(t *testing.T) {
	var out bytes.Buffer
	l := &denialsLog{w: &out, told: map[string]*toldKind{}}
	begin := time.Date(2026, 3, 4, 12, 0, 0, 0, time.Local)
	returned := int64(-1)
	total := uint64(0)
	tell := func(after time.Duration, more uint64) {
		total += more
		l.denied(live.Event{
			Event: watch.Event{Time: begin.Add(after), Workload: "web"}, More: more,
			Denial: report.Denial{ABI: "x86_64", Nr: 41, Name: "socket", Action: report.Errno, Return: &returned, Phase: "startup", Count: total,
				Who: report.Who{Comm: "ng\x1b[31m", PID: 7, TID: 8}},
		})
	}
	tell(0, 3)
	tell(100*time.Millisecond, 5)
	tell(900*time.Millisecond, 2)
	tell(1100*time.Millisecond, 1)
	want := `12:00:00.000 web: denied socket (EPERM) in startup to ng\x1b[31m[8], 3 times
12:00:01.100 web: denied socket (EPERM) in startup to ng\x1b[31m[8], 8 more, 11 in all
`
	if out.String() != want {
		t.Errorf("printed\n%s\nnot\n%s", &out, want)
	}
}

func TestDenialTable(t *testing.T) {
	begin := time.Date(2026, 3, 4, 12, 0, 0, 0, time.Local)
	eperm, skipped := int64(-1), int64(-38)
	r := &report.Report{
		Incomplete: []string{"1 lost: begun_before"},
		Workloads: []report.Workload{{Name: "web\x1b", Denials: []report.Denial{
			{ABI: "x86_64", Nr: 41, Name: "socket", Action: report.Errno, Return: &eperm, Phase: "startup", Count: 11, First: begin, Last: begin.Add(time.Second),
				Who: report.Who{Comm: "nginx", Exe: "/usr/sbin/nginx", PID: 7, TID: 8, Args: []string{"0x2", "0x1"}, Stack: []string{"/lib/libc.so.6+0x10", "0x7f"}}},
			{ABI: "x86", Nr: 9999, Action: report.Kill, Count: 1, First: begin, Last: begin, Who: report.Who{Comm: "sh", PID: 9, TID: 9}},
			{ABI: "x86_64", Nr: 0, Name: "read", Action: report.Trace, Return: &skipped, Phase: "steady", Count: 1, First: begin, Last: begin},
		}}},
	}
	var out bytes.Buffer
	writeDenialTable(&out, terminal{}, r)
	for _, want := range []string{
		`web\x1b   socket       EPERM         11     10/s  startup           12:00:00.000  12:00:01.000  nginx  7/8      /usr/sbin/nginx`,
		`#9999 (x86)  kill          1      -     an unknown phase  12:00:00.000  12:00:00.000  sh     9/9`,
		`read         trace ENOSYS`,
		"web\\x1b: the first socket in startup had the arguments 0x2, 0x1\n    /lib/libc.so.6+0x10\n    0x7f\n",
		"13 denials, 3 different.\n",
		"Not everything was seen: 1 lost: begun_before.\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}
