package gate

import (
	"bytes"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/recording"
)

func TestCheckJudgesEachCall(t *testing.T) {
	e := evidence(t, rec(t, 1, "web", counts{
		"setup":    {"mount": 3},
		"handover": {"capset": 1},
		"startup":  {"openat": 5, "ptrace": 1},
		"steady":   {"read": 70, "socket": 2, "x86/read": 4},
	}))
	for _, tc := range []struct {
		name, profile string
		opts          Options
		want          string
	}{
		{"all but setup", allowing("openat", "ptrace", "read", "socket"), Options{},
			"error missing-call read"}, // of x86, which the profile is not for
		{"the gravest first", allowing("openat"), Options{},
			"error missing-call ptrace; error missing-call read; error missing-call read; error missing-call socket"},
		{"the runtime's own", allowing("openat", "ptrace", "read", "socket"), Options{Handover: true, Phases: []string{"startup"}},
			"error missing-call capset"},
		{"one phase", allowing("openat"), Options{Phases: []string{"startup"}}, "error missing-call ptrace"},
		{"logged calls pass", `{"defaultAction": "SCMP_ACT_LOG"}`, Options{}, "error missing-call read"},
		{"arguments are not known", `{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
			"syscalls": [{"names": ["openat", "ptrace", "read"], "action": "SCMP_ACT_ALLOW"},
			{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]}`, Options{},
			"note conditional-call socket"},
		{"a capability that Docker's containers lack", `{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"],
			"syscalls": [{"names": ["ptrace"], "action": "SCMP_ACT_KILL", "excludes": {"caps": ["CAP_SYS_PTRACE"]}}]}`, Options{},
			"error missing-call ptrace"},
		{"a capability that they have", `{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86"],
			"syscalls": [{"names": ["openat", "ptrace", "read", "socket"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_CHOWN"]}}]}`, Options{}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := check(t, filter(t, e, tc.profile), e, tc.opts)
			if got := found(r); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if r.Failed() != strings.Contains(tc.want, "error") {
				t.Errorf("failed: %v", r.Failed())
			}
		})
	}
}

func TestCheckSaysWhoAndWhen(t *testing.T) {
	a := rec(t, 1, "web", counts{"steady": {"read": 7}})
	b := rec(t, 2, "web", counts{"startup": {"read": 1}, "steady": {"read": 2}})
	e := evidence(t, b, a, b) // b twice: counted once
	r := check(t, filter(t, e, allowing("openat")), e, Options{})
	want := "read (x86_64) is denied with SCMP_ACT_ERRNO(1): startup 1, steady 9; first by web (/usr/bin/web, pid 10) in steady of 1.json"
	if len(r.Findings) != 1 || r.Findings[0].Text != want {
		t.Errorf("got %+v", r.Findings)
	}
	if r.Recordings != 2 || r.Duplicates != 1 {
		t.Errorf("%d recordings, %d twice", r.Recordings, r.Duplicates)
	}
}

func TestCheckDemandsDepth(t *testing.T) {
	shallow := rec(t, 1, "web", counts{"startup": {"read": 1, "write": 1, "openat": 2}})
	shallow.Unreached = []string{"steady", "shutdown"}
	lossy := rec(t, 2, "web", counts{"startup": {"read": 1}})
	lossy.Complete, lossy.Incomplete, lossy.Workload.Seccomp = false, []string{"3 calls were lost"}, 2
	all := allowing("read", "write", "openat")
	for _, tc := range []struct {
		name string
		rec  *recording.Recording
		opts Options
		want string
	}{
		{"not asked", shallow, Options{}, "note unreached-phase shutdown; note unreached-phase steady"},
		{"asked", shallow, Options{Require: []string{"startup", "steady"}}, "error unreached-phase steady"},
		{"coverage", shallow, Options{Require: []string{"startup"}, MinCoverage: 0.9}, "error low-coverage web"},
		{"enough coverage", shallow, Options{Require: []string{"startup"}, MinCoverage: 0.1}, ""},
		{"incomplete", lossy, Options{}, "error incomplete-record 0.json; warning filtered-record 0.json"},
		{"incomplete, allowed", lossy, Options{AllowIncomplete: true}, "warning incomplete-record 0.json; warning filtered-record 0.json"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := evidence(t, tc.rec)
			if got := found(check(t, filter(t, e, all), e, tc.opts)); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
	e := evidence(t, lossy)
	if r := check(t, filter(t, e, all), e, Options{}); !r.OnlyIncomplete() {
		t.Error("it is more than incomplete")
	}
	if r := check(t, filter(t, e, allowing("write")), e, Options{}); r.OnlyIncomplete() {
		t.Error("a missing call is more than incomplete")
	}
}

func TestUnusedPassesOverWhatNobodySees(t *testing.T) {
	e := evidence(t, rec(t, 1, "web", counts{"startup": {"openat": 5}, "steady": {"read": 70}}))
	docker := exported(t, e, exporter.Options{})
	if got := found(check(t, filter(t, e, docker), e, Options{Unused: true})); got != "" {
		t.Errorf("its own profile: %s", got)
	}
	// Without reasons, as in the OCI form: runc's calls are expected all the same.
	oci := allowing("openat", "read", "capset", "futex", "rt_sigreturn", "openat2", "swapon", "acct", "no_such_call")
	r := check(t, filter(t, e, oci), e, Options{Unused: true})
	if got, want := found(r), "error unused-call acct; error unused-call swapon"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if r.Baseline != 4 {
		t.Errorf("%d are passed over", r.Baseline)
	}
	// A profile that gives reasons, none of which is the runtime, is not for one.
	own := strings.ReplaceAll(exported(t, e, exporter.Options{Runtime: "none"}), `"read"`, `"read", "capset"`)
	if got, want := found(check(t, filter(t, e, own), e, Options{Unused: true})), "error unused-call capset"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestProposedProfilePasses(t *testing.T) {
	e := evidence(t, rec(t, 1, "web", counts{"startup": {"openat": 5, "ptrace": 1}, "steady": {"read": 70, "x86/write": 1}}))
	for _, text := range []string{
		allowing("openat", "swapon"),
		strings.Replace(allowing("openat", "swapon"), `"architectures": ["SCMP_ARCH_X86_64"]`, `"archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []}]`, 1),
		`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []}`,
	} {
		old, err := policy.Parse(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		before, _ := old.Encode()
		r := check(t, filter(t, e, text), e, Options{Unused: true})
		proposed, err := Propose(old, e, r, nil)
		if err != nil || len(proposed.Notes)+len(proposed.Held) > 0 {
			t.Fatal(err, proposed)
		}
		data, err := proposed.Policy.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got := found(check(t, filter(t, e, string(data)), e, Options{Unused: true})); got != "" {
			t.Errorf("%s\nof %s", got, data)
		}
		if after, _ := old.Encode(); !bytes.Equal(before, after) {
			t.Error("the old profile was changed")
		}
	}
}

func TestProposeDoesNotUndoADenial(t *testing.T) {
	e := evidence(t, rec(t, 1, "web", counts{"startup": {"ptrace": 1}}))
	text := `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["ptrace"], "action": "SCMP_ACT_KILL"}]}`
	old, err := policy.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Propose(old, e, check(t, filter(t, e, text), e, Options{}), nil)
	if err != nil || len(p.Notes) != 1 || len(p.Policy.Rules) != 1 || len(p.Added) != 0 {
		t.Errorf("%v %+v", err, p)
	}
}

func TestFoldsGiveTheProfileOfTheRecordings(t *testing.T) {
	recs := []*recording.Recording{
		rec(t, 1, "web", counts{"setup": {"mount": 1}, "startup": {"openat": 5}, "steady": {"read": 70}}),
		rec(t, 2, "web", counts{"steady": {"read": 3, "x86/write": 1}, "reload": {"kill": 1}}),
		rec(t, 3, "db", counts{"startup": {"mmap": 1}, "shutdown": {"unlink": 1}}),
	}
	recs = append(recs, rec(t, 4, "web", counts{"startup": {"brk": 1}}))
	recs[1].Phases[0].Trigger.Kind = "attached"
	recs[3].Workload.Seccomp = 2
	want, err := exporter.Build(recs, exporter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 0, 3, 2}} {
		e := NewEvidence()
		for _, i := range order {
			if err := e.Add("x", recs[i]); err != nil {
				t.Fatal(err)
			}
		}
		got, err := e.Exported(exporter.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range exporter.Formats() {
			a, errA := exporter.Render(format, want, exporter.RenderOptions{})
			b, errB := exporter.Render(format, got, exporter.RenderOptions{})
			if errA != nil || errB != nil || !bytes.Equal(a, b) {
				t.Errorf("%s differs: %v %v", format, errA, errB)
			}
		}
		if g, w := strings.Join(got.Warnings, "\n"), strings.Join(want.Warnings, "\n"); g != w {
			t.Errorf("warnings:\n%s\nwant\n%s", g, w)
		}
	}
}
