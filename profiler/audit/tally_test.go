package audit

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/denials/report"
)

// tallied counts logs, and writes the report as its file is.
func tallied(t *testing.T, where func(*Record) (report.Workload, bool), logs ...string) *report.Report {
	t.Helper()
	r := &report.Report{APIVersion: report.APIVersion, Kind: report.Kind, ID: strings.Repeat("0", 32), Complete: true}
	tally := NewTally()
	tally.Workload = where
	for i, log := range logs {
		stats, err := Scan(strings.NewReader(log), now, func(r *Record) { tally.Add(r) })
		if err != nil {
			t.Fatal(err)
		}
		tally.EndLog()
		stats.Account(r, fmt.Sprint("log ", i))
	}
	tally.Fill(r)
	data, err := report.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = report.Decode(strings.NewReader(string(data))); err != nil {
		t.Fatal(err)
	}
	return r
}

// record is a SECCOMP record of auditd's.
func record(serial, pid int, exe string, nr int) string {
	return fmt.Sprintf("type=SECCOMP msg=audit(1795643031.%03d:%d): pid=%d comm=%q exe=%q arch=c000003e syscall=%d code=0x50000\n",
		serial%1000, serial, pid, exe, exe, nr)
}

func kinds(r *report.Report) string {
	var list []string
	for _, w := range r.Workloads {
		for _, d := range w.Denials {
			list = append(list, fmt.Sprintf("%s %s: %s %s %d, first by %d", w.Kind, w.Name, d.Name, d.Action, d.Count, d.Who.PID))
		}
	}
	return strings.Join(list, "; ")
}

func TestTally(t *testing.T) {
	a := record(1, 10, "nginx", 41) + record(2, 11, "nginx", 41) + record(3, 10, "nginx", 42) + record(4, 12, "redis", 41)
	printed := strings.ReplaceAll(a, "type=SECCOMP msg=", "Nov 25 21:43:51 web kernel: audit: type=1326 ")
	bare := strings.NewReplacer("type=SECCOMP msg=audit(1795643031.001:1):", "Nov 25 21:43:51 web audit[1]: SECCOMP",
		"type=SECCOMP msg=audit(1795643031.002:2):", "Nov 25 21:43:51 web audit[1]: SECCOMP").Replace(a[:strings.Index(a, "type=SECCOMP msg=audit(1795643031.003")])
	const want = "unknown nginx: socket errno 2, first by 10; unknown nginx: connect errno 1, first by 10; unknown redis: socket errno 1, first by 12"
	for _, tc := range []struct {
		name string
		logs []string
		want string
	}{
		{"one log", []string{a}, want},
		{"the same log twice", []string{a, a}, want},
		{"rotated logs in any order", []string{a[len(a)/2+20:], a}, want},
		{"the kernel's and auditd's", []string{a, printed}, want},
		{"journald's lines beside the kernel's", []string{printed + bare}, want},
		{"journald's lines alone", []string{bare}, "unknown nginx: socket errno 2, first by 10"},
	} {
		if got := kinds(tallied(t, nil, tc.logs...)); got != tc.want {
			t.Errorf("%s: %s", tc.name, got)
		}
	}
}

func TestTallyOfWorkloads(t *testing.T) {
	where := func(r *Record) (report.Workload, bool) {
		return report.Workload{Kind: "cgroup", Name: "web", Cgroup: "/web"}, r.PID == 10
	}
	r := tallied(t, where, record(1, 10, "nginx", 41)+record(2, 10, "worker", 41)+record(3, 11, "nginx", 41))
	if got := kinds(r); got != "cgroup web: socket errno 2, first by 10; unknown nginx: socket errno 1, first by 11" {
		t.Error(got)
	}
	if !r.Complete || r.StartedAt.IsZero() || r.EndedAt.Sub(r.StartedAt) != 2*time.Millisecond {
		t.Errorf("%s to %s", r.StartedAt, r.EndedAt)
	}
}

// What a log does not tell makes the report incomplete, and an example is in it.
func TestTallyAccounts(t *testing.T) {
	for _, log := range []string{"testdata/messages.log", "testdata/missing.log"} {
		data, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		r := tallied(t, nil, string(data))
		if r.Complete {
			t.Error("complete")
		}
		t.Log(r.Losses, r.Incomplete)
		switch log {
		case "testdata/messages.log":
			if r.Losses[LossSuppressed] != 17 || r.Losses[LossMissing] != 6 {
				t.Error(r.Losses)
			}
		default:
			if r.Losses[LossUnread] != 8 || !strings.Contains(r.Incomplete[0], "8 lines of log 0 could not be read, such as line 4: it has no number") {
				t.Error(r.Losses, r.Incomplete)
			}
		}
	}
}

// Names are the workload's to choose: there is a bound, and what is over it is counted.
func TestTallyIsBounded(t *testing.T) {
	var log strings.Builder
	for i := range maxRows + 7 {
		log.WriteString(record(i+1, 10, fmt.Sprint("program", i), 41))
	}
	r := tallied(t, nil, log.String())
	if len(r.Workloads) != maxRows || r.Losses[LossNoRoom] != 7 || r.Complete {
		t.Errorf("%d workloads, %v", len(r.Workloads), r.Losses)
	}
}
