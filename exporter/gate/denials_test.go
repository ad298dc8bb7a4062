package gate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// deniedCall is one of a report: "startup openat", "x86/openat" where no phase is known.
func deniedCall(t testing.TB, text, comm string, n int) report.Denial {
	t.Helper()
	phase, call, ok := strings.Cut(text, " ")
	if !ok {
		phase, call = "", text
	}
	abi, name, ok := strings.Cut(call, "/")
	if !ok {
		abi, name = "x86_64", call
	}
	nr, ok := syscalls.Number(syscalls.ABI(abi), name)
	if !ok {
		t.Fatalf("%s has no %s", abi, name)
	}
	at := time.Date(2026, 11, 20, 9, 0, nr, 0, time.UTC)
	eperm := int64(-1)
	return report.Denial{
		Source: report.Live, ABI: abi, Nr: nr, Name: name, Action: report.Errno, Return: &eperm, Phase: phase, Count: uint64(n),
		First: at, Last: at, Who: report.Who{Comm: comm, Exe: "/usr/bin/web", PID: 12, TID: 12},
	}
}

// reported makes a report number id of a workload.
func reported(id int, denials ...report.Denial) *report.Report {
	return &report.Report{
		APIVersion: report.APIVersion, Kind: report.Kind, ID: fmt.Sprintf("%032x", id), Complete: true,
		Host:      report.Host{Architecture: "x86_64", Kernel: "6.12.0"},
		Workloads: []report.Workload{{Name: "web", Kind: recording.KindContainer, Denials: denials}},
	}
}

func withDenials(e *Evidence, denials ...report.Denial) *Evidence {
	e.AddDenials("denials.json", reported(1000, denials...))
	return e
}

// causes lists findings as "level kind subject: cause".
func causes(r *Result) string {
	var list []string
	for _, f := range r.Findings {
		text := fmt.Sprintf("%s %s %s", f.Level, f.Kind, f.Subject)
		if f.Denial != nil {
			text += ": " + string(f.Denial.Cause)
		}
		list = append(list, text)
	}
	return strings.Join(list, "; ")
}

func TestCheckTellsWhyADeniedCallIsMissing(t *testing.T) {
	recorded := rec(t, 1, "web", counts{"setup": {"mount": 1}, "startup": {"openat": 5}, "steady": {"rename": 2}})
	for _, tc := range []struct {
		name    string
		profile string
		rec     *recording.Recording
		denials []report.Denial
		want    string
	}{
		{"a sibling", allowing("openat", "rename"), recorded, []report.Denial{deniedCall(t, "startup open", "web", 1)}, "error missing-call open: missing-sibling"},
		{"the runtime's", allowing("openat", "rename"), recorded, []report.Denial{deniedCall(t, "handover capset", "runc:[2:INIT]", 1)}, "error missing-call capset: missing-handover"},
		{"a runtime's that nobody measured", allowing("openat", "rename"), recorded, []report.Denial{deniedCall(t, "handover swapon", "runc:[2:INIT]", 1)},
			"error missing-call swapon: missing-handover"},
		{"the runtime's, of an audit record", allowing("openat", "rename"), nil, []report.Denial{deniedCall(t, "capset", "runc:[2:INIT]", 1)},
			"error missing-call capset: missing-handover"},
		{"the workload's own", allowing("openat", "rename"), nil, []report.Denial{deniedCall(t, "startup capset", "runc:[2:INIT]", 1)}, "error missing-call capset: not-compared"},
		{"recorded and not exported", allowing("openat"), recorded, []report.Denial{deniedCall(t, "rename", "web", 7)}, "error missing-call rename: not-exported"},
		{"never seen", allowing("openat", "rename"), recorded, []report.Denial{deniedCall(t, "startup connect", "web", 7)}, "error missing-call connect: never-seen"},
		{"seen before the filter only", allowing("openat", "rename"), recorded, []report.Denial{deniedCall(t, "startup mount", "web", 7)}, "error missing-call mount: never-seen"},
		{"another ABI", allowing("openat", "rename"), recorded, []report.Denial{deniedCall(t, "startup x86/openat", "web", 7)}, "error missing-call openat: never-seen"},
		{"allowed", allowing("openat", "rename"), recorded, []report.Denial{deniedCall(t, "startup openat", "web", 7)}, "warning denied-elsewhere openat: allowed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := NewEvidence()
			if tc.rec != nil {
				e = evidence(t, tc.rec)
			}
			withDenials(e, tc.denials...)
			r := check(t, filter(t, e, tc.profile), e, Options{OnlyDenied: true})
			if got := causes(r); got != tc.want {
				t.Errorf("%s\nwant %s", got, tc.want)
			}
			for _, f := range r.Findings {
				if f.Denial != nil && f.Denial.Why == "" || f.Denial.Count != tc.denials[0].Count {
					t.Errorf("%+v", f.Denial)
				}
			}
		})
	}
}

func TestCheckDeniedConditionally(t *testing.T) {
	const text = `{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
		{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]}`
	e := withDenials(NewEvidence(), deniedCall(t, "startup socket", "web", 1))
	r := check(t, filter(t, e, text), e, Options{})
	if got := causes(r); got != "error conditional-call socket: not-compared" || !strings.Contains(r.Findings[0].Next, "--args") {
		t.Errorf("%s: %+v", got, r.Findings)
	}
}

// clone3 is answered ENOSYS so that libraries take clone; a recording that has it says that it was needed after all.
func TestCheckAnsweredOnPurpose(t *testing.T) {
	text := strings.Replace(allowing("clone"), `"SCMP_ACT_ERRNO"`, `"SCMP_ACT_ERRNO", "defaultErrnoRet": 38`, 1)
	d := deniedCall(t, "startup clone3", "web", 1)
	e := withDenials(NewEvidence(), d)
	if got := causes(check(t, filter(t, e, text), e, Options{})); got != "error missing-call clone3: not-compared" {
		t.Errorf("it got EPERM: %s", got)
	}
	*d.Return = -38
	e = withDenials(NewEvidence(), d)
	if got := causes(check(t, filter(t, e, text), e, Options{})); got != "note answered-call clone3: answered-on-purpose" {
		t.Error(got)
	}
	e = withDenials(evidence(t, rec(t, 1, "web", counts{"startup": {"clone3": 1}})), d)
	if got := causes(check(t, filter(t, e, text), e, Options{OnlyDenied: true})); got != "error missing-call clone3: not-exported" {
		t.Error(got)
	}
}

// A call that was recorded and denied is one finding, with both as its evidence; a report given twice counts once.
func TestCheckTakesRecordingsAndDenials(t *testing.T) {
	e := withDenials(evidence(t, rec(t, 1, "web", counts{"startup": {"openat": 5, "rename": 2}})), deniedCall(t, "steady rename", "web", 7))
	withDenials(e, deniedCall(t, "steady rename", "web", 7))
	r := check(t, filter(t, e, allowing("openat")), e, Options{})
	if got := causes(r); got != "error missing-call rename: not-exported" || len(r.Calls) != 2 || r.Reports != 1 {
		t.Errorf("%s of %d calls in %d reports", got, len(r.Calls), r.Reports)
	}
	if text := r.Findings[0].Text; !strings.Contains(text, "startup 2; first by web") || !strings.Contains(text, "denied 7 times, seen but not exported") {
		t.Error(text)
	}
}

// A report that is incomplete is no proof of anything.
func TestCheckIncompleteDenials(t *testing.T) {
	bad := reported(7)
	bad.Complete, bad.Incomplete = false, []string{"3 lost: tasks_no_room"}
	e := NewEvidence()
	e.AddDenials("denials.json", bad)
	r := check(t, filter(t, e, allowing("openat")), e, Options{})
	if !r.OnlyIncomplete() || !strings.Contains(r.Findings[0].Text, "3 lost: tasks_no_room") {
		t.Error(found(r))
	}
}

func proposal(t *testing.T, e *Evidence, text string, accept ...string) (*Proposal, string) {
	t.Helper()
	old, err := policy.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Propose(old, e, check(t, filter(t, e, text), e, Options{OnlyDenied: true}), accept)
	if err != nil {
		t.Fatal(err)
	}
	data, err := p.Policy.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return p, string(data)
}

// The smallest change: what was denied is allowed, and nothing else; each with its evidence. What is dangerous waits for a person.
func TestProposeFromDenials(t *testing.T) {
	e := withDenials(evidence(t, rec(t, 1, "web", counts{"startup": {"openat": 5, "rename": 2, "unlink": 1}})),
		deniedCall(t, "startup rename", "web", 7), deniedCall(t, "handover capset", "runc:[2:INIT]", 1), deniedCall(t, "startup open", "web", 3),
		deniedCall(t, "startup ptrace", "web", 1), deniedCall(t, "x86/getpid", "web", 1))
	text := `{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []}],
		"syscalls": [{"names": ["openat"], "action": "SCMP_ACT_ALLOW"}]}`
	p, data := proposal(t, e, text)
	if got := strings.Join(p.Added, " "); got != "capset getpid open rename" {
		t.Errorf("added: %s", got)
	}
	if len(p.Held) != 1 || p.Held[0].Subject != "ptrace" || len(p.Notes) > 0 {
		t.Errorf("%+v, %v", p.Held, p.Notes)
	}
	for _, want := range []string{
		`"comment": "observed in startup only`, // the recording's own reason is the better one
		`"comment": "denied: handover 1; first by runc:[2:INIT] (/usr/bin/web, pid 12) in handover of denials.json; missing handover: the runtime makes it`,
		`"comment": "denied: startup 3; first by web (/usr/bin/web, pid 12) in startup of denials.json; missing sibling: in place of openat: opens a file`,
		`"SCMP_ARCH_X86"`,
	} {
		if !strings.Contains(data, want) {
			t.Errorf("no %s in\n%s", want, data)
		}
	}
	if strings.Contains(data, "unlink") || strings.Contains(data, "ptrace") {
		t.Errorf("more than was denied:\n%s", data)
	}
	if r := check(t, filter(t, e, data), e, Options{OnlyDenied: true}); strings.Count(found(r), "error") != 1 || !strings.Contains(found(r), "error missing-call ptrace") {
		t.Errorf("the proposed profile: %s", found(r))
	}
	accepted, data := proposal(t, e, text, "ptrace")
	if r := check(t, filter(t, e, data), e, Options{OnlyDenied: true}); r.Failed() || len(accepted.Held) > 0 {
		t.Errorf("with ptrace accepted: %s", found(r))
	}
	if !strings.Contains(data, "denied: startup 1") {
		t.Errorf("no evidence:\n%s", data)
	}
}

// What was taken in for a denial is not unused in the next check.
func TestDeniedEntriesAreJustified(t *testing.T) {
	e := withDenials(NewEvidence(), deniedCall(t, "startup connect", "web", 1))
	_, data := proposal(t, e, `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []}`)
	e = evidence(t, rec(t, 1, "web", counts{"startup": {"openat": 1}}))
	if got := found(check(t, filter(t, e, data), e, Options{Unused: true})); got != "error missing-call openat" {
		t.Error(got)
	}
}

// A rule that denies by name is a person's decision; nothing is proposed against it.
func TestProposeKeepsDenyRules(t *testing.T) {
	e := withDenials(NewEvidence(), deniedCall(t, "startup connect", "web", 1))
	p, _ := proposal(t, e, `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["connect"], "action": "SCMP_ACT_KILL"}]}`)
	if len(p.Notes) != 1 || len(p.Added) > 0 {
		t.Errorf("%+v", p)
	}
}
