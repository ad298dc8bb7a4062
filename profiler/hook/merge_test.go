package hook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"pgregory.net/rapid"
)

// seen is what scallop writes of a container that made these calls.
func seen(names ...string) string {
	return fmt.Sprintf(`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,
		"archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":[]}],
		"syscalls":[{"names":["%s"],"action":"SCMP_ACT_ALLOW","comment":"observed"}]}`, strings.Join(names, `","`))
}

func mustParse(t testing.TB, text string) *Profile {
	t.Helper()
	p, err := ParseProfile([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// merge returns the merged profile as it is read again from its file.
func merge(t testing.TB, older, seen string) (*Profile, []string) {
	t.Helper()
	p, warnings, err := Merge(mustParse(t, older), mustParse(t, seen))
	if err != nil {
		t.Fatal(err)
	}
	data, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return mustParse(t, string(data)), warnings
}

// rulesFor are the rules that name a call, e.g. "ALLOW", "ERRNO(1)", "ALLOW[0 SCMP_CMP_NE 40]".
func rulesFor(p *Profile, name string) string {
	var list []string
	for i := range p.Syscalls {
		r := &p.Syscalls[i]
		if !slices.Contains(r.names(), name) {
			continue
		}
		text := strings.TrimPrefix(string(r.Action), "SCMP_ACT_")
		var errno struct{ ErrnoRet *uint }
		if json.Unmarshal(r.raw, &errno) == nil && errno.ErrnoRet != nil {
			text += fmt.Sprintf("(%d)", *errno.ErrnoRet)
		}
		for _, a := range r.Args {
			text += fmt.Sprintf("[%d %s %d]", a.Index, a.Op, a.Value)
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

func TestMergeRules(t *testing.T) {
	const x86 = `"architectures":["SCMP_ARCH_X86_64"]`
	for _, c := range []struct {
		name, older, action string
		rules               map[string]string
		warnings            []string
	}{
		{
			// theirs: a call that the input names as denied stays denied; the others are added
			"block mkdir", `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","args":[],"comment":"","includes":{},"excludes":{}}]}`,
			"ERRNO 38", map[string]string{"mkdir": "ERRNO", "read": "ALLOW", "socket": "ALLOW"},
			[]string{"needs mkdir, which the input profile denies (SCMP_ACT_ERRNO)"},
		},
		{
			// theirs: what the first profile allows and the second container does not need stays allowed
			"extend", seen("getdents64", "read"), "ERRNO 38",
			map[string]string{"getdents64": "ALLOW", "read": "ALLOW", "mkdir": "ALLOW", "socket": "ALLOW"}, nil,
		},
		{
			"theirs that saw nothing", `{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],"syscalls":[{"action":"SCMP_ACT_ALLOW","args":[]}]}`,
			"ERRNO 38", map[string]string{"read": "ALLOW"}, nil,
		},
		{
			"no rules", `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":null}`, "ERRNO 38", map[string]string{"mkdir": "ALLOW"}, nil,
		},
		{
			"actions and errnos stay", `{"defaultAction":"SCMP_ACT_KILL_PROCESS",` + x86 + `,"syscalls":[
				{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":13},{"names":["socket"],"action":"SCMP_ACT_TRAP"},
				{"name":"unlink","action":"SCMP_ACT_KILL"},{"names":["ptrace"],"action":"SCMP_ACT_NOTIFY"}]}`,
			"KILL_PROCESS", map[string]string{"mkdir": "ERRNO(13)", "socket": "TRAP", "unlink": "KILL", "ptrace": "NOTIFY", "read": "ALLOW"},
			[]string{"needs mkdir, which the input profile denies (SCMP_ACT_ERRNO)", "needs socket, which the input profile denies (SCMP_ACT_TRAP)"},
		},
		{
			"the default's errno stays", `{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1}`, "ERRNO 1", map[string]string{"read": "ALLOW"}, nil,
		},
		{
			"Podman's name of an errno stays", `{"defaultAction":"SCMP_ACT_ERRNO","defaultErrno":"EACCES"}`, "ERRNO EACCES", nil, nil,
		},
		{
			"conditions on arguments stay", `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
				{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":40,"op":"SCMP_CMP_NE"}]}]}`,
			"ERRNO 38", map[string]string{"socket": "ALLOW[0 SCMP_CMP_NE 40]", "read": "ALLOW"}, nil,
		},
		{
			"denied for an argument, and else by default", `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
				{"names":["socket"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":40,"op":"SCMP_CMP_EQ"}]}]}`,
			"ERRNO 38", map[string]string{"socket": "ERRNO[0 SCMP_CMP_EQ 40]"},
			[]string{"needs socket, which the input profile denies"},
		},
		{
			"a deny-list", `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","unlink"],"action":"SCMP_ACT_ERRNO","errnoRet":1}]}`,
			"ERRNO 38", map[string]string{"mkdir": "ERRNO(1)", "unlink": "ERRNO(1)", "read": "ALLOW", "socket": "ALLOW"},
			[]string{"denies only what it names (SCMP_ACT_ALLOW)", "needs mkdir"},
		},
		{
			"a list that logs", `{"defaultAction":"SCMP_ACT_LOG","syscalls":[{"names":["read"],"action":"SCMP_ACT_LOG"}]}`,
			"ERRNO 38", map[string]string{"read": "LOG", "mkdir": "ALLOW"}, []string{"denies only what it names (SCMP_ACT_LOG)"},
		},
		{
			"a deny-list with an argument", `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
				{"names":["socket"],"action":"SCMP_ACT_ERRNO","errnoRet":97,"args":[{"index":0,"value":40,"op":"SCMP_CMP_EQ"}]}]}`,
			"ERRNO 38", map[string]string{"socket": "ERRNO(97)[0 SCMP_CMP_EQ 40] ALLOW[0 SCMP_CMP_NE 40]"},
			[]string{"denies only what it names"},
		},
		{
			"a deny-list with more arguments", `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
				{"names":["socket"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":40,"op":"SCMP_CMP_EQ"},{"index":1,"value":1,"op":"SCMP_CMP_EQ"}]},
				{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","excludes":{"caps":["CAP_SYS_ADMIN"]}},
				{"names":["read"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":1,"valueTwo":1,"op":"SCMP_CMP_MASKED_EQ"}]}]}`,
			"ERRNO 38", map[string]string{"socket": "ERRNO[0 SCMP_CMP_EQ 40][1 SCMP_CMP_EQ 1]", "mkdir": "ERRNO"},
			[]string{"denies only what it names", "needs mkdir, read, socket, which the input profile denies for some arguments, capabilities or hosts"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, warnings := merge(t, c.older, seen("read", "mkdir", "socket"))
			for name, want := range c.rules {
				if got := rulesFor(p, name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if got := defaultOf(p); got != c.action {
				t.Errorf("default %q, want %q", got, c.action)
			}
			if len(warnings) != len(c.warnings) {
				t.Fatalf("warnings %q, want %q", warnings, c.warnings)
			}
			for i, want := range c.warnings {
				if !strings.Contains(warnings[i], want) {
					t.Errorf("warning %q, want %q", warnings[i], want)
				}
			}
		})
	}
}

func defaultOf(p *Profile) string {
	text := strings.TrimPrefix(string(p.DefaultAction), "SCMP_ACT_")
	if p.DefaultErrno != "" {
		text += " " + p.DefaultErrno
	} else if p.DefaultErrnoRet != nil {
		text += fmt.Sprintf(" %d", *p.DefaultErrnoRet)
	}
	return text
}

// The first four are theirs: an architecture that is missing is added, one that is there is not added twice, and
// others stay.
func TestMergeArchitectures(t *testing.T) {
	for _, c := range []struct{ older, want string }{
		{``, `"archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}]`},
		{`"architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86"]`, `"architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86"]`},
		{`"architectures":["SCMP_ARCH_MIPS","SCMP_ARCH_ARM"]`, `"architectures":["SCMP_ARCH_MIPS","SCMP_ARCH_ARM","SCMP_ARCH_X86_64","SCMP_ARCH_X86"]`},
		{`"archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X32"]},{"architecture":"SCMP_ARCH_AARCH64","subArchitectures":["SCMP_ARCH_ARM"]}]`,
			`"archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X32","SCMP_ARCH_X86"]},{"architecture":"SCMP_ARCH_AARCH64","subArchitectures":["SCMP_ARCH_ARM"]}]`},
		{`"archMap":[{"architecture":"SCMP_ARCH_AARCH64","subArchitectures":null}]`,
			`"archMap":[{"architecture":"SCMP_ARCH_AARCH64","subArchitectures":null},{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}]`},
		{`"flags":["SECCOMP_FILTER_FLAG_LOG"],"listenerPath":"/l","listenerMetadata":"m"`,
			`"archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}],"flags":["SECCOMP_FILTER_FLAG_LOG"],"listenerPath":"/l","listenerMetadata":"m"`},
	} {
		older := strings.TrimSuffix(`{"defaultAction":"SCMP_ACT_KILL",`+c.older, ",") + "}"
		now := strings.Replace(seen("read"), `"subArchitectures":[]`, `"subArchitectures":["SCMP_ARCH_X86"]`, 1)
		p, _ := merge(t, older, now)
		p.Syscalls = nil
		got, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"defaultAction":"SCMP_ACT_KILL",` + c.want + `,"syscalls":null}`; string(got) != want {
			t.Errorf("from %s:\n%s, want\n%s", older, got, want)
		}
	}
}

func TestParseProfileErrors(t *testing.T) {
	for _, c := range []struct{ text, why string }{
		{"", "the file is empty"},
		{" \n", "the file is empty"},
		{"hello", "no seccomp profile"},
		{"[]", "no seccomp profile"},
		{"{}", "has no defaultAction"},
		{"null", "has no defaultAction"},
		{`{"apiVersion":"scallop/v1","kind":"Recording"}`, "scallop export"},
		{`{"defaultAction":"ERRNO"}`, "is not known"},
		{`{"defaultAction":"SCMP_ACT_ERRNO"} {}`, "no seccomp profile"},
		{`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"]}]}`, `syscalls[0]: the action "" is not known`},
		{`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"name":"write","action":"SCMP_ACT_ALLOW"}]}`, "both name and names"},
		{`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":{"names":["read"]}}`, "no seccomp profile"},
		{`{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86"],"archMap":[{"architecture":"SCMP_ARCH_X86"}]}`, "both architectures and archMap"},
		{strings.Repeat(" ", MaxProfile+1), "larger than"},
	} {
		if _, err := ParseProfile([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%.80s: %v, want an error with %q", c.text, err, c.why)
		}
	}
}

// TestMergeProperties: whatever the two profiles are, the older one's rules stay as they are, no call that it names gets a
// rule without condition, and every other call that was seen is allowed.
func TestMergeProperties(t *testing.T) {
	calls := []string{"read", "write", "mkdir", "socket", "clone", "mount"}
	rapid.Check(t, func(t *rapid.T) {
		older := drawProfile(t, calls, actions)
		now := drawProfile(t, calls, []string{"SCMP_ACT_ALLOW"})
		p, _, err := Merge(older, now)
		if err != nil {
			t.Fatal(err)
		}
		if permits(p.DefaultAction) {
			t.Fatalf("default action %s", p.DefaultAction)
		}
		for i := range older.Syscalls {
			if !bytes.Equal(older.Syscalls[i].raw, p.Syscalls[i].raw) {
				t.Fatalf("rule %d was %s, is %s", i, older.Syscalls[i].raw, p.Syscalls[i].raw)
			}
		}
		added := &Profile{Syscalls: p.Syscalls[len(older.Syscalls):]}
		for _, name := range calls {
			named, needed, got := rulesFor(older, name) != "", rulesFor(now, name) != "", rulesFor(added, name)
			switch {
			case named && strings.Contains(" "+got+" ", " ALLOW "), !needed && got != "":
				t.Fatalf("%s: added %q", name, got)
			case !named && needed && got == "":
				t.Fatalf("%s is missing", name)
			}
		}
		again, _, err := Merge(p, now)
		if err != nil || len(again.Syscalls) != len(p.Syscalls) {
			t.Fatalf("merged again: %d rules, then %d, %v", len(p.Syscalls), len(again.Syscalls), err)
		}
	})
}

func drawProfile(t *rapid.T, calls, actions []string) *Profile {
	p := &Profile{DefaultAction: specs.LinuxSeccompAction(rapid.SampledFrom(actions).Draw(t, "default"))}
	if len(actions) == 1 {
		p.DefaultAction = specs.ActErrno
	}
	for range rapid.IntRange(0, 4).Draw(t, "rules") {
		rule := specs.LinuxSyscall{
			Names:  rapid.SliceOfNDistinct(rapid.SampledFrom(calls), 1, 3, rapid.ID).Draw(t, "names"),
			Action: specs.LinuxSeccompAction(rapid.SampledFrom(actions).Draw(t, "action")),
		}
		if len(actions) > 1 && rapid.Bool().Draw(t, "conditional") {
			rule.Args = []specs.LinuxSeccompArg{{Op: rapid.SampledFrom([]specs.LinuxSeccompOperator{specs.OpEqualTo, specs.OpMaskedEqual}).Draw(t, "op")}}
		}
		data, err := json.Marshal(rule)
		if err != nil {
			t.Fatal(err)
		}
		var r Rule
		if err := r.UnmarshalJSON(data); err != nil {
			t.Fatal(err)
		}
		p.Syscalls = append(p.Syscalls, r)
	}
	return p
}

func FuzzMerge(f *testing.F) {
	f.Add([]byte(seen("read")))
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"mkdir","action":"SCMP_ACT_ERRNO","args":[{"op":"SCMP_CMP_LT"}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		older, err := ParseProfile(data)
		if err != nil {
			return
		}
		p, _, err := Merge(older, mustParse(t, seen("read", "mkdir")))
		if err != nil {
			t.Fatal(err)
		}
		text, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseProfile(text); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	})
}
