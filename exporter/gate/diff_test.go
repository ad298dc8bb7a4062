package gate

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// recordedSide is a recording's.
func recordedSide(t testing.TB, e *Evidence) Side {
	t.Helper()
	p, err := e.Exported(exporter.Options{AllowIncomplete: true})
	if err != nil {
		t.Fatal(err)
	}
	return Side{Source: "r.json", Filter: FilterOf("r.json", p), Evidence: e}
}

func shown(d *Diff) string {
	var list []string
	for _, c := range d.Changes {
		list = append(list, fmt.Sprintf("%s %s %s [%s] [%s]", c.Kind, c.Subject, c.Name, c.Before, c.After))
	}
	return strings.Join(list, "\n")
}

func TestCompareProfiles(t *testing.T) {
	a := `{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], "syscalls": [
		{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
		{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2114060288, "op": "SCMP_CMP_MASKED_EQ"}]},
		{"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
		{"names": ["acct"], "action": "SCMP_ACT_ERRNO"},
		{"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_PTRACE"]}},
		{"names": ["bpf"], "action": "SCMP_ACT_LOG"}]}`
	b := `{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
		{"names": ["read"], "action": "SCMP_ACT_ALLOW"}, {"names": ["openat"], "action": "SCMP_ACT_ALLOW", "comment": "for the log"},
		{"names": ["clone"], "action": "SCMP_ACT_ALLOW"},
		{"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
		{"names": ["acct"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
		{"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
		{"names": ["bpf"], "action": "SCMP_ACT_ALLOW"}]}`
	d := Compare(Side{Source: "a", Filter: filter(t, nil, a)}, Side{Source: "b", Filter: filter(t, nil, b)})
	want := `changed default action default action [SCMP_ACT_ERRNO(1)] [SCMP_ACT_ERRNO(38)]
removed architecture x86 [filtered] []
added call openat [] [SCMP_ACT_ALLOW]
removed call write [SCMP_ACT_ALLOW] []
changed call bpf [SCMP_ACT_LOG] [SCMP_ACT_ALLOW]
changed call clone [SCMP_ACT_ALLOW if arg0 & 0x7e020000 == 0x0] [SCMP_ACT_ALLOW]
changed call clone3 [SCMP_ACT_ERRNO(38)] [SCMP_ACT_ERRNO(1)]
changed call ptrace [SCMP_ACT_ALLOW with CAP_SYS_PTRACE] [SCMP_ACT_ALLOW from kernel 4.8]`
	if got := shown(d); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, c := range d.Changes {
		if c.Name == "openat" && strings.Join(c.Evidence, "") != "the profile's comment: for the log" {
			t.Errorf("evidence of openat: %q", c.Evidence)
		}
	}
}

func TestTheOrderOfRulesIsNoDifference(t *testing.T) {
	rules := []string{
		`{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}`,
		`{"names": ["read", "socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]}`,
	}
	side := func(rules ...string) Side {
		return Side{Filter: filter(t, nil, `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [`+strings.Join(rules, ",")+`]}`)}
	}
	if d := Compare(side(rules...), side(rules[1], rules[0])); len(d.Changes) > 0 {
		t.Errorf("got\n%s", shown(d))
	}
}

func TestCompareRecordings(t *testing.T) {
	a := evidence(t, rec(t, 1, "web", counts{"setup": {"mount": 1}, "startup": {"openat": 5, "brk": 1}, "steady": {"read": 70}}))
	b := evidence(t, rec(t, 2, "web", counts{"startup": {"openat": 9}, "steady": {"read": 1, "openat": 1, "x86/read": 2}}))
	want := `added call read [] [steady]
removed call brk [startup] []
changed call openat [startup] [startup, steady]`
	d := Compare(recordedSide(t, a), recordedSide(t, b))
	if got := shown(d); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	evidenceOf := d.Changes[2].Evidence
	if len(evidenceOf) != 2 || !strings.HasPrefix(evidenceOf[1], "B: startup 9, steady 1; first by web") {
		t.Errorf("evidence: %q", evidenceOf)
	}
}

func TestCompareRecordingWithProfile(t *testing.T) {
	e := evidence(t, rec(t, 1, "web", counts{"startup": {"openat": 5}, "steady": {"read": 70}}))
	side := recordedSide(t, e)
	text := exported(t, e, exporter.Options{})
	if d := Compare(Side{Filter: filter(t, nil, text)}, side); len(d.Changes) > 0 {
		t.Errorf("a recording and its own profile:\n%s", shown(d))
	}
	text = strings.Replace(text, `"read"`, `"swapon"`, 1)
	d := Compare(Side{Filter: filter(t, nil, text)}, side)
	if got, want := shown(d), "added call read [] [SCMP_ACT_ALLOW]\nremoved call swapon [SCMP_ACT_ALLOW] []"; got != want {
		t.Errorf("got\n%s", got)
	} else if !strings.Contains(strings.Join(d.Changes[0].Evidence, "\n"), "observed: x86_64: steady 70; first by web") {
		t.Errorf("evidence: %q", d.Changes[0].Evidence)
	}
}

// drawnPolicy has rules of every kind.
func drawnPolicy(rt *rapid.T, label string) *policy.Policy {
	var rules []string
	name := rapid.SampledFrom([]string{"read", "write", "clone", "ptrace", "bpf", "_llseek", "no_such_call"})
	for range rapid.IntRange(0, 6).Draw(rt, label+" rules") {
		rules = append(rules, fmt.Sprintf(`{"names": ["%s"], "action": "%s"%s}`, name.Draw(rt, "name"),
			rapid.SampledFrom([]string{"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_LOG", "SCMP_ACT_KILL"}).Draw(rt, "action"),
			rapid.SampledFrom([]string{"", `, "errnoRet": 38`, `, "args": [{"index": 1, "value": 3, "op": "SCMP_CMP_NE"}]`,
				`, "includes": {"caps": ["CAP_SYS_ADMIN"]}`, `, "includes": {"arches": ["amd64"]}`, `, "comment": "base: x"`}).Draw(rt, "more")))
	}
	p, err := policy.Parse(strings.NewReader(fmt.Sprintf(`{"defaultAction": "%s", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [%s]}`,
		rapid.SampledFrom([]string{"SCMP_ACT_ERRNO", "SCMP_ACT_KILL"}).Draw(rt, "default"), strings.Join(rules, ","))))
	if err != nil {
		rt.Fatal(err)
	}
	return p
}

// drawnSide is a profile or a recording.
func drawnSide(t *testing.T, rt *rapid.T, label string) Side {
	if rapid.Bool().Draw(rt, label+" is a profile") {
		f, err := FilterOfPolicy(label, drawnPolicy(rt, label), nil)
		if err != nil {
			rt.Fatal(err)
		}
		return Side{Source: label, Filter: f}
	}
	c := counts{}
	for _, phase := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"setup", "handover", "startup", "steady", "reload"}), 1, 5, rapid.ID).Draw(rt, "phases") {
		c[phase] = map[string]uint64{}
		for range rapid.IntRange(0, 4).Draw(rt, "calls") {
			abi := rapid.SampledFrom([]syscalls.ABI{"x86_64", "x86"}).Draw(rt, "abi")
			if name, ok := syscalls.Name(abi, rapid.IntRange(0, 460).Draw(rt, "nr")); ok {
				c[phase][string(abi)+"/"+name] = rapid.Uint64Range(1, 9).Draw(rt, "count")
			}
		}
	}
	return recordedSide(t, evidence(t, rec(t, 1, "web", c)))
}

// TestDiffProperties: nothing differs from itself, and a diff backwards is the same diff backwards.
func TestDiffProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := drawnSide(t, rt, "a"), drawnSide(t, rt, "b")
		if d := Compare(a, a); len(d.Changes) > 0 {
			rt.Fatalf("it differs from itself:\n%s", shown(d))
		}
		ab, ba := Compare(a, b), Compare(b, a)
		if len(ab.Changes) != len(ba.Changes) || ab.Count(Added) != ba.Count(Removed) || ab.Count(Changed) != ba.Count(Changed) {
			rt.Fatalf("forth\n%s\nback\n%s", shown(ab), shown(ba))
		}
	})
}

// FuzzLooksLikeProfile: what is neither is for the parsers to refuse; nothing panics, and nothing is both.
func FuzzLooksLikeProfile(f *testing.F) {
	for _, seed := range []string{"", "{", `{"defaultAction": "x"}`, `{"syscalls": [], "archMap": []}`, `{"apiVersion": "scallop/v1"}`, `[1]`, `{"a": {"b": "`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		is := LooksLikeProfile(data)
		if _, err := recording.Decode(strings.NewReader(string(data))); err == nil && is {
			t.Fatal("a recording is taken for a profile")
		}
		if _, err := policy.Parse(strings.NewReader(string(data))); err == nil && !is && !strings.Contains(strings.ToLower(string(data)), "apiversion") && !strings.Contains(strings.ToLower(string(data)), "kind") {
			t.Fatal("a profile is not taken for one")
		}
		Lines(data)
	})
}
