package gate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/profiler/recording"
)

func TestExplain(t *testing.T) {
	a := rec(t, 1, "web", counts{"setup": {"mount": 2}, "startup": {"openat": 5}, "steady": {"read": 70, "stat": 1}})
	a.Unreached = []string{"shutdown"}
	b := rec(t, 2, "web", counts{"steady": {"read": 3}})
	b.Complete, b.Incomplete, b.Losses["calls_no_room"] = false, []string{"7 calls were lost"}, 7
	e := evidence(t, a, b)
	for _, tc := range []struct {
		name, verdict, reasons, unknown string
	}{
		{"read", "in a profile of these recordings: observed and handover", "observed: steady 73", ""},
		{"mount", "seen in setup only, before a filter is loaded", "", "phase shutdown was not reached in any recording"},
		{"ptrace", "never seen", "", "7 lost (calls_no_room): this call may be among them"},
		{"rt_sigreturn", "in a profile of these recordings: ", "base: a signal handler returns with it", "1.json is incomplete: 7 calls were lost"},
		{"capset", "in a profile of these recordings: handover", "handover: runc", "phase shutdown"},
		{"newfstatat", "in a profile of these recordings: ", "portability: ", "phase shutdown"},
		{"_llseek", "none of their ABIs has it", "", "phase shutdown"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x, err := Explain(e, tc.name, exporter.Options{}, filter(t, e, allowing("read", "ptrace")))
			if err != nil {
				t.Fatal(err)
			}
			var reasons []string
			for _, ev := range x.Reasons {
				reasons = append(reasons, string(ev.Reason)+": "+ev.Text)
			}
			if !strings.Contains(x.Verdict, tc.verdict) || !strings.Contains(strings.Join(reasons, "\n"), tc.reasons) ||
				!strings.Contains(strings.Join(x.Unknown, "\n"), tc.unknown) || (tc.unknown == "") != (len(x.Unknown) == 0) {
				t.Errorf("verdict %q, reasons %q, unknown %q", x.Verdict, reasons, x.Unknown)
			}
			for _, answer := range x.Answers {
				if want := tc.name == "read" || tc.name == "ptrace"; (answer.Outcome == Passes) != want {
					t.Errorf("the profile: %+v", answer)
				}
			}
		})
	}
}

func TestKernelsAreTheOldest(t *testing.T) {
	a, b := rec(t, 1, "web", counts{"steady": {"read": 1}}), rec(t, 2, "web", counts{"steady": {"read": 1}})
	a.Host.Kernel, b.Host.Kernel = "6.12.0", "6.9.0-13-amd64"
	if got := evidence(t, a, b).Kernels()["x86_64"]; got != "6.9.0-13-amd64" {
		t.Errorf("got %s", got)
	}
}

// A merged recording of hosts of two architectures has the kernels of both.
func TestKernelsOfMerged(t *testing.T) {
	a, b := rec(t, 1, "web", counts{"steady": {"read": 1}}), rec(t, 2, "web", counts{"steady": {"aarch64/read": 1}})
	b.Host.Architecture, b.Host.Kernel = "aarch64", "6.1.0"
	merged, err := recording.Merge([]*recording.Recording{a, b})
	if err != nil {
		t.Fatal(err)
	}
	e := evidence(t, merged)
	want := map[string]string{"x86_64": "6.12.0", "aarch64": "6.1.0"}
	if diff := cmp.Diff(want, e.Kernels()); diff != "" {
		t.Error(diff)
	}
	f := filter(t, e, exported(t, e, exporter.Options{Runtime: exporter.RuntimeNone}))
	if r := check(t, f, e, Options{}); len(r.Findings) > 0 {
		t.Errorf("the profile of both covers both: %+v", r.Findings)
	}
}
