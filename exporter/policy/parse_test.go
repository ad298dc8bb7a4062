package policy_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"pgregory.net/rapid"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

func parse(t testing.TB, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// rule is a profile with one rule.
func rule(text string) string { return `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[` + text + `]}` }

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", "the file is empty"},
		{" \n", "the file is empty"},
		{"null", "no seccomp profile"},
		{"[]", "no seccomp profile"},
		{"{", "no seccomp profile"},
		{`{} {}`, "no seccomp profile"},
		{`{}`, "no defaultAction"},
		{`{"defaultAction":"SCMP_ACT_MAYBE"}`, `default action "SCMP_ACT_MAYBE" is not known`},
		{`{"defaultAction":"SCMP_ACT_ERRNO","DefaultAction":"SCMP_ACT_ALLOW"}`, `"defaultAction" occurs twice`},
		{`{"defaultAction":"SCMP_ACT_ERRNO","x":1,"x":2}`, `"x" occurs twice`},
		{`{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86"],"archMap":[{"architecture":"SCMP_ARCH_X86"}]}`, "both architectures and archMap"},
		{`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrno":"EWHAT"}`, `defaultErrno: errno "EWHAT" is not known`},
		{`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":-1}`, "defaultErrnoRet: "},
		{`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":{}}`, "syscalls: it is not a list"},
		{rule(`null`), "syscalls: [0] is null"},
		{rule(`{"names":["read"]}`), "syscalls[0]: the action \"\" is not known"},
		{rule(`{"names":["read"],"action":"SCMP_ACT_ALLOW","action":"SCMP_ACT_KILL"}`), `"action" occurs twice`},
		{rule(`{"name":"read","names":["write"],"action":"SCMP_ACT_ALLOW"}`), "both name and names"},
		{rule(`{"names":[""],"action":"SCMP_ACT_ALLOW"}`), "a name is empty"},
		{rule(`{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":6,"value":0,"op":"SCMP_CMP_EQ"}]}`), "index 6"},
		{rule(`{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":0,"op":"SCMP_CMP_IN"}]}`), `operator "SCMP_CMP_IN"`},
		{rule(`{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[null]}`), "args: [0] is null"},
		{rule(`{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"value":-1}]}`), "value: "},
		{rule(`{"names":["read"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"5"}}`), "invalid kernel version"},
		{rule(`{"names":["read"],"action":"SCMP_ACT_ERRNO","errno":"5000"}`), `errno "5000"`},
	} {
		_, err := policy.Parse(strings.NewReader(test.text))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.text, err, test.want)
		}
	}
	if _, err := policy.Parse(strings.NewReader(strings.Repeat(" ", policy.MaxSize+1))); err == nil {
		t.Error("a file above the bound was read")
	}
}

func TestParseTakes(t *testing.T) {
	p := parse(t, rule(`{"name":"read","action":"SCMP_ACT_ALLOW","args":null,"includes":{},"excludes":null,"comment":""},{"names":[],"action":"SCMP_ACT_ALLOW"}`))
	if got := p.Rules[0].Names; len(got) != 1 || got[0] != "read" {
		t.Errorf("names %v", got)
	}
	if want := []string{"syscalls[1] has no names: it has no effect"}; !cmp.Equal(p.Warnings, want) {
		t.Errorf("warnings %q, want %q", p.Warnings, want)
	}
	p = parse(t, `{"DEFAULTACTION":"SCMP_ACT_ALLOW"}`)
	if p.DefaultAction != specs.ActAllow {
		t.Error("engines read names of fields in any case")
	}
}

// TestUnknown: what a newer engine writes is said, and kept.
func TestUnknown(t *testing.T) {
	p := parse(t, `{"defaultAction":"SCMP_ACT_ERRNO","version":{"a":[1, 2]},"flags":["SECCOMP_FILTER_FLAG_NEW"],
		"archMap":[{"architecture":"SCMP_ARCH_Z80","subArchitectures":null,"when":1}],
		"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","scope":"<x>","includes":{"maxKernel":"9.0"},"excludes":{"os":"x"},
		"args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ","signed":true}]}]}`)
	want := []string{
		`the profile has fields that this version does not know: "version": they are kept, and ignored`,
		`flag "SECCOMP_FILTER_FLAG_NEW" is not known: it is kept, and runtimes may refuse it`,
		`archMap[0] has fields that this version does not know: "when": they are kept, and ignored`,
		`architecture "SCMP_ARCH_Z80" is not known: it is kept, and runtimes may refuse it`,
		`syscalls[0] has fields that this version does not know: "scope": they are kept, and ignored`,
		`syscalls[0].args[0] has fields that this version does not know: "signed": they are kept, and ignored`,
		`syscalls[0].includes has fields that this version does not know: "maxKernel": they are kept, and ignored`,
		`syscalls[0].excludes has fields that this version does not know: "os": they are kept, and ignored`,
	}
	if diff := cmp.Diff(want, p.Warnings); diff != "" {
		t.Error(diff)
	}
	data, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"version": {`, `"when": 1`, `"scope": "<x>"`, `"maxKernel": "9.0"`, `"os": "x"`, `"signed": true`} {
		if !bytes.Contains(data, []byte(part)) {
			t.Errorf("%s is lost:\n%s", part, data)
		}
	}
	if diff := cmp.Diff(p, parse(t, string(data))); diff != "" {
		t.Error(diff)
	}
}

// TestPodman: names of errors win over numbers.
func TestPodman(t *testing.T) {
	p := parse(t, `{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"defaultErrno":"ENOSYS","syscalls":[
		{"names":["read"],"action":"SCMP_ACT_ERRNO","errnoRet":1,"errno":"EACCES"},{"names":["write"],"action":"SCMP_ACT_ERRNO","errno":"7"}]}`)
	r, err := p.Resolve(policy.Host{Architecture: syscalls.X86_64})
	if err != nil {
		t.Fatal(err)
	}
	for nr, want := range []uint{13, 7, 38} {
		if _, errno := r.Verdict(syscalls.X86_64, nr, [6]uint64{}); errno != want {
			t.Errorf("number %d: errno %d, want %d", nr, errno, want)
		}
	}
}

// genPolicy draws any profile that Parse takes.
func genPolicy(t *rapid.T) *policy.Policy {
	word := rapid.StringMatching(`[a-z_0-9]{1,12}`)
	errno := rapid.Ptr(rapid.UintRange(0, 4095), true)
	text := rapid.SampledFrom([]string{"", "ENOSYS", "13"})
	act := rapid.SampledFrom([]specs.LinuxSeccompAction{specs.ActAllow, specs.ActErrno, specs.ActKill, specs.ActLog, specs.ActTrap, specs.ActTrace, specs.ActKillProcess})
	extra := rapid.Custom(func(t *rapid.T) policy.Extra {
		if rapid.Bool().Draw(t, "known") {
			return nil
		}
		return policy.Extra{"x" + word.Draw(t, "key"): []byte(rapid.SampledFrom([]string{"1", `"<&>"`, `{"a":[null]}`, "null"}).Draw(t, "value"))}
	})
	words := rapid.Custom(func(t *rapid.T) []string { return orNil(rapid.SliceOfN(word, 0, 3).Draw(t, "words")) })
	filter := rapid.Custom(func(t *rapid.T) policy.Filter {
		f := policy.Filter{Caps: words.Draw(t, "caps"), Arches: words.Draw(t, "arches"), Extra: extra.Draw(t, "extra")}
		if rapid.Bool().Draw(t, "kernel") {
			f.MinKernel = &seccomp.KernelVersion{Kernel: rapid.Uint64Range(1, 255).Draw(t, "v"), Major: rapid.Uint64Range(0, 255).Draw(t, "m")}
		}
		return f
	})
	arg := rapid.Custom(func(t *rapid.T) policy.Arg {
		return policy.Arg{LinuxSeccompArg: specs.LinuxSeccompArg{
			Index: rapid.UintRange(0, 5).Draw(t, "i"), Value: rapid.Uint64().Draw(t, "a"), ValueTwo: rapid.Uint64().Draw(t, "b"),
			Op: rapid.SampledFrom(operators[1:]).Draw(t, "op"),
		}, Extra: extra.Draw(t, "extra")}
	})
	rule := rapid.Custom(func(t *rapid.T) policy.Rule {
		return policy.Rule{
			Names: words.Draw(t, "names"), Action: act.Draw(t, "action"), ErrnoRet: errno.Draw(t, "ret"), Errno: text.Draw(t, "errno"),
			Args: orNil(rapid.SliceOfN(arg, 0, 3).Draw(t, "args")), Comment: rapid.String().Draw(t, "comment"),
			Includes: rapid.Ptr(filter, true).Draw(t, "includes"), Excludes: rapid.Ptr(filter, true).Draw(t, "excludes"), Extra: extra.Draw(t, "extra"),
		}
	})
	p := &policy.Policy{
		DefaultAction: act.Draw(t, "default"), DefaultErrnoRet: errno.Draw(t, "ret"), DefaultErrno: text.Draw(t, "errno"),
		ListenerPath: word.Draw(t, "path"), Rules: orNil(rapid.SliceOfN(rule, 0, 5).Draw(t, "rules")), Extra: extra.Draw(t, "extra"),
	}
	arch := rapid.SampledFrom([]specs.Arch{specs.ArchX86, specs.ArchX86_64, "SCMP_ARCH_NEW"})
	archs := rapid.Custom(func(t *rapid.T) []specs.Arch { return orNil(rapid.SliceOfN(arch, 0, 3).Draw(t, "archs")) })
	if rapid.Bool().Draw(t, "list") {
		p.Architectures = archs.Draw(t, "architectures")
	} else {
		p.ArchMap = orNil(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) policy.Arch {
			return policy.Arch{Arch: arch.Draw(t, "arch"), SubArches: archs.Draw(t, "sub"), Extra: extra.Draw(t, "extra")}
		}), 0, 2).Draw(t, "map"))
	}
	return p
}

func orNil[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := genPolicy(t)
		data, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := policy.Parse(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		back.Warnings = nil
		if diff := cmp.Diff(p, back); diff != "" {
			t.Fatalf("%s\n%s", diff, data)
		}
	})
}

// FuzzParse: no bytes panic, what is taken is written so that it is taken again, as the same, and can be resolved.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"docker", "podman"} {
		data, err := os.ReadFile(filepath.Join("defaults", name+".json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(rule(`{"name":"read","action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"valueTwo":2,"op":"SCMP_CMP_MASKED_EQ"}],"x":null}`)))
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_TRACE","architectures":["SCMP_ARCH_X32"],"syscalls":[{"names":["socket"],"action":"SCMP_ACT_LOG","includes":{"minKernel":"4.8"}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policy.Parse(bytes.NewReader(data))
		if err != nil {
			return
		}
		out, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := policy.Parse(bytes.NewReader(out))
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if !cmp.Equal(p, back) {
			t.Fatalf("not the same again:\n%s\n%s", out, cmp.Diff(p, back))
		}
		for _, native := range []syscalls.ABI{syscalls.X86_64, syscalls.S390X} {
			r, err := p.Resolve(policy.Host{Architecture: native, Kernel: "6.1", RuncStub: true})
			if err != nil {
				t.Fatal(err)
			}
			r.Verdict(native, 1, [6]uint64{})
		}
	})
}

func TestResolveErrors(t *testing.T) {
	p := parse(t, rule(`{"names":["read"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"4.8"}}`))
	for _, test := range []struct {
		host policy.Host
		want string
	}{
		{policy.Host{}, `architecture ""`},
		{policy.Host{Architecture: "vax"}, `architecture "vax"`},
		{policy.Host{Architecture: syscalls.X86_64}, "say which kernel"},
		{policy.Host{Architecture: syscalls.X86_64, Kernel: "new"}, `kernel release "new"`},
	} {
		if _, err := p.Resolve(test.host); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: error %v, want %q", test.host, err, test.want)
		}
	}
}

// TestMinKernel compares two numbers, and numbers, not words.
func TestMinKernel(t *testing.T) {
	for _, test := range []struct {
		min, kernel string
		want        bool
	}{
		{"4.8", "4.8.0", true}, {"4.8", "4.7.99", false}, {"4.8", "4.10", true}, {"4.8", "10.0-rc1", true}, {"5.10", "5.9.1", false},
	} {
		for _, kind := range []string{"includes", "excludes"} {
			p := parse(t, rule(fmt.Sprintf(`{"names":["read"],"action":"SCMP_ACT_ALLOW",%q:{"minKernel":%q}}`, kind, test.min)))
			r, err := p.Resolve(policy.Host{Architecture: syscalls.X86_64, Kernel: test.kernel})
			if err != nil {
				t.Fatal(err)
			}
			action, _ := r.Verdict(syscalls.X86_64, 0, [6]uint64{})
			if got := action == specs.ActAllow; got != (test.want == (kind == "includes")) {
				t.Errorf("%s minKernel %s on %s: allowed %v", kind, test.min, test.kernel, got)
			}
		}
	}
}

// TestStub: runc answers ENOSYS above the highest number that the profile names, by ABI, unless the default lets calls through.
func TestStub(t *testing.T) {
	text := `{"defaultAction":%q,"architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86"],"syscalls":[{"names":["openat2","read"],"action":"SCMP_ACT_ALLOW"}]}`
	for _, test := range []struct {
		byDefault string
		stub      bool
		abi       syscalls.ABI
		nr        int
		want      specs.LinuxSeccompAction
		errno     uint
	}{
		{"SCMP_ACT_ERRNO", true, syscalls.X86_64, 437, specs.ActAllow, 0},
		{"SCMP_ACT_ERRNO", true, syscalls.X86_64, 436, specs.ActErrno, 1},
		{"SCMP_ACT_ERRNO", true, syscalls.X86_64, 438, specs.ActErrno, 38},
		{"SCMP_ACT_ERRNO", true, syscalls.X86, 438, specs.ActErrno, 38},
		{"SCMP_ACT_ERRNO", true, syscalls.X32, 438, specs.ActKillThread, 0},
		{"SCMP_ACT_ERRNO", false, syscalls.X86_64, 438, specs.ActErrno, 1},
		{"SCMP_ACT_KILL_PROCESS", true, syscalls.X86_64, 438, specs.ActErrno, 38},
		{"SCMP_ACT_TRACE", true, syscalls.X86_64, 438, specs.ActTrace, 1},
		{"SCMP_ACT_LOG", true, syscalls.X86_64, 438, specs.ActLog, 0},
	} {
		r, err := parse(t, fmt.Sprintf(text, test.byDefault)).Resolve(policy.Host{Architecture: syscalls.X86_64, RuncStub: test.stub})
		if err != nil {
			t.Fatal(err)
		}
		if got, errno := r.Verdict(test.abi, test.nr, [6]uint64{}); got != test.want || errno != test.errno {
			t.Errorf("%+v: %s %d", test, got, errno)
		}
	}
}

func TestOverlapWarning(t *testing.T) {
	text := rule(`{"names":["prctl"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":9,"op":"SCMP_CMP_LT"}]},
		{"names":["prctl"],"action":"SCMP_ACT_LOG","args":[{"index":0,"value":%d,"op":"SCMP_CMP_GE"}]}`)
	for value, want := range map[int]bool{8: true, 9: false} {
		r, err := parse(t, fmt.Sprintf(text, value)).Resolve(policy.Host{Architecture: syscalls.X86_64})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(r.Warnings) > 0; got != want {
			t.Errorf("from %d on: warnings %q", value, r.Warnings)
		}
	}
}
