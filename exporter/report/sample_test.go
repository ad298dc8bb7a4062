package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/exporter/gate"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/exporter/severity"
	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

var update = flag.Bool("update", false, "write the golden files anew")

// hostile are a workload's words that mean something to each of the formats.
const hostile = "x\n::error::pwned\r\x1b[31m|`<script>]]>&\"' %0A ##[add-mask]a {0} [a](http://b) @all \u202e"

const profileText = `{
  "defaultAction": "SCMP_ACT_ERRNO",
  "architectures": ["SCMP_ARCH_X86_64"],
  "syscalls": [
    {
      "names": [
        "openat",
        "swapon",
        "clone"
      ],
      "action": "SCMP_ACT_ALLOW"
    },
    {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
    {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}
  ]
}
`

// row is a call of the sample.
func row(name, phase string, count uint64, comm, exe string) recording.Syscall {
	nr, _ := syscalls.Number(syscalls.X86_64, name)
	return recording.Syscall{ABI: "x86_64", Nr: nr, Name: name, Total: count, Phases: map[string]recording.PhaseCount{
		phase: {Count: count, First: recording.FirstCall{OffsetNs: 1500000, Comm: comm, Exe: exe, PID: 10}},
	}}
}

// evidence has one recording, whose strings are as given.
func evidence(t testing.TB, source, comm, exe string) *gate.Evidence {
	t.Helper()
	r := &recording.Recording{
		APIVersion: recording.APIVersion, Kind: recording.Kind, ID: strings.Repeat("ab", 16), Tool: "test",
		Incomplete: []string{"7 calls were lost"}, StartedAt: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), DurationNs: 1e9,
		Workload: recording.Workload{Name: comm, Kind: recording.KindCommand, Seccomp: 2},
		Host:     recording.Host{Kernel: "6.12.0", Architecture: "x86_64"},
		Phases:   []recording.Phase{{Name: "startup", EndNs: 1e9, Trigger: recording.Trigger{Kind: "exec"}}},
		Losses:   map[string]uint64{"calls_no_room": 7},
		Syscalls: []recording.Syscall{
			row("openat", "startup", 40, comm, exe), row("ptrace", "startup", 2, comm, exe), row("socket", "startup", 1, comm, exe),
			{ABI: "x86_64", Nr: 4000, Total: 1, Phases: map[string]recording.PhaseCount{"startup": {Count: 1, First: recording.FirstCall{Comm: comm}}}},
		},
	}
	recording.Rank(r.Syscalls)
	e := gate.NewEvidence()
	if err := e.Add(source, r); err != nil {
		t.Fatal(err)
	}
	e.AddDenials("denials of "+source, denied(comm, exe))
	return e
}

// denied has a call that the sample's profile allows, one that it answers ENOSYS, one that it lacks, and one that was recorded, too.
func denied(comm, exe string) *report.Report {
	r := &report.Report{APIVersion: report.APIVersion, Kind: report.Kind, ID: strings.Repeat("cd", 16), Complete: true, Host: report.Host{Architecture: "x86_64", Kernel: "6.12.0"}}
	w := report.Workload{Name: comm, Kind: recording.KindCommand}
	for i, name := range []string{"openat", "clone3", "connect", "ptrace"} {
		nr, _ := syscalls.Number(syscalls.X86_64, name)
		at := time.Date(2026, 11, 20, 9, 0, i, 0, time.UTC)
		w.Denials = append(w.Denials, report.Denial{
			Source: report.Audit, ABI: "x86_64", Nr: nr, Name: name, Action: report.Errno, Count: 3, First: at, Last: at,
			Who: report.Who{Comm: comm, Exe: exe, PID: 12},
		})
	}
	r.Workloads = []report.Workload{w}
	return r
}

func filterFor(t testing.TB, e *gate.Evidence, source string) *gate.Filter {
	t.Helper()
	p, err := policy.Parse(strings.NewReader(profileText))
	if err != nil {
		t.Fatal(err)
	}
	f, err := gate.FilterOfPolicy(source, p, &gate.Container{Kernels: e.Kernels()})
	if err != nil {
		t.Fatal(err)
	}
	f.Lines = gate.Lines([]byte(profileText))
	return f
}

// failing has every kind of finding.
func failing(t testing.TB, profile, source, comm, exe string) *gate.Result {
	t.Helper()
	e := evidence(t, source, comm, exe)
	r, err := gate.Check(filterFor(t, e, profile), e, gate.Options{Unused: true, Require: []string{"startup", "steady"}, MinCoverage: 0.999})
	if err != nil {
		t.Fatal(err)
	}
	r.Next = []string{"scallop check --profile " + profile + " --propose proposed.json " + source}
	for _, k := range gate.Kinds() {
		if r.Count(k) == 0 {
			t.Fatalf("the sample has no %s", k)
		}
	}
	settle(r)
	return r
}

// settle puts words of our own in place of those that other packages choose, so that the golden files are about
// formats alone.
func settle(r *gate.Result) {
	r.Summary = []string{"allows 3 of 385 x86_64 calls"}
	for i := range r.Coverage {
		r.Coverage[i].Share, r.Coverage[i].Of, r.Coverage[i].Text = 0.9545, "over calls", "4 different calls in 44; coverage 95.45 %"
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Danger != nil {
			f.Danger = dangerOfSample(f.Subject)
		}
		if f.Kind == gate.Shallow {
			f.Text = "coverage of " + f.Subject + " is 95.45 %"
		}
	}
}

func dangerOfSample(name string) *severity.Entry {
	e := &severity.Entry{Name: name, Class: "files", Reason: "what " + name + " gives | an [attacker]", Docker: severity.Docker{When: "never"}}
	if name == "ptrace" || name == "swapon" {
		e.Level = severity.Escape
	}
	return e
}

// passing has nothing to say.
func passing(t testing.TB) *gate.Result {
	t.Helper()
	r := failing(t, "profile.json", "run.json", "web", "/usr/bin/web")
	calls := r.Calls[:1]
	r.Calls, r.Findings, r.Next, r.Unused = calls, nil, nil, true
	return r
}

// golden compares with testdata, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got\n%s\nwant\n%s", path, got, want)
	}
}

func render(t testing.TB, format string, r *gate.Result) []byte {
	t.Helper()
	data, err := Check(format, r, Options{Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Check(format, r, Options{Version: "1.2.3"})
	if err != nil || !bytes.Equal(data, again) {
		t.Fatalf("%s differs the second time: %v", format, err)
	}
	return data
}

func TestGolden(t *testing.T) {
	for _, format := range CheckFormats() {
		for name, r := range map[string]*gate.Result{
			"failing": failing(t, "deploy/profile.json", "run.json", "web", "/usr/bin/web"), "passing": passing(t),
			"hostile": failing(t, "p,1:2%.json", "a|b.json", hostile, "/tmp/"+hostile),
		} {
			t.Run(format+" "+name, func(t *testing.T) { golden(t, fmt.Sprintf("%s.%s", name, format), render(t, format, r)) })
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	if _, err := Check("yaml", passing(t), Options{}); err == nil || !strings.Contains(err.Error(), "use one of text, json") {
		t.Error(err)
	}
	if _, err := Diff("sarif", &gate.Diff{}); err == nil {
		t.Error("no error")
	}
	if _, err := Explain("junit", &gate.Explanation{}); err == nil {
		t.Error("no error")
	}
}
