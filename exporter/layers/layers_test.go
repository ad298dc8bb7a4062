package layers

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"pgregory.net/rapid"

	"github.com/scallop-sec/scallop/exporter"
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

// local allows these calls on x86_64, and answers ENOSYS to others.
func local(t testing.TB, names ...string) *policy.Policy {
	return parse(t, `{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":[]}],
		"syscalls":[{"names":["`+strings.Join(names, `","`)+`"],"action":"SCMP_ACT_ALLOW"}]}`)
}

func docker(t testing.TB) Layer {
	t.Helper()
	p, err := policy.Default("docker-default")
	if err != nil {
		t.Fatal(err)
	}
	return Layer{"docker-default", p}
}

const common = `{"defaultAction":"SCMP_ACT_ERRNO","archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":[]}],"syscalls":[
	{"names":["read","write","close"],"action":"SCMP_ACT_ALLOW","comment":"common"},
	{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]},
	{"names":["clone3"],"action":"SCMP_ACT_ERRNO","errnoRet":38}]}`

func TestOnBase(t *testing.T) {
	out, report, err := OnBase(local(t, "read", "bind", "clone3"), Layer{"core.json", parse(t, common)}, false)
	if err != nil {
		t.Fatal(err)
	}
	want := &Report{Layer: "core.json", Holds: 4, Shared: []string{"read"}, Unused: []string{"close", "socket", "write"}, Kept: true, Local: []string{"bind", "clone3"}}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Error(diff)
	}
	checkVerdicts(t, out, map[string]bool{"read": true, "bind": true, "close": true, "write": true, "clone3": true, "mount": false})
	r := resolve(t, out)
	if got, _ := r.Verdict(syscalls.X86_64, 41, [6]uint64{1}); got != specs.ActAllow {
		t.Error("socket(1) is not allowed any more:", got)
	}
	if got, _ := r.Verdict(syscalls.X86_64, 41, [6]uint64{2}); got == specs.ActAllow {
		t.Error("the base's condition on socket is gone")
	}
	out, report, err = OnBase(local(t, "read", "bind"), Layer{"core.json", parse(t, common)}, true)
	if err != nil || report.Kept {
		t.Fatal(err, report)
	}
	checkVerdicts(t, out, map[string]bool{"read": true, "bind": true, "close": false, "socket": false})
}

// TestOnDockerDefault: conditions hold on, and what was never used goes.
func TestOnDockerDefault(t *testing.T) {
	out, report, err := OnBase(local(t, "read", "clone", "mount", "kexec_load"), docker(t), true)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"clone", "mount"}, report.Conditional); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"kexec_load"}, report.Local); diff != "" {
		t.Error(diff)
	}
	checkVerdicts(t, out, map[string]bool{"read": true, "kexec_load": true, "mount": false, "write": false})
	r := resolve(t, out)
	const newUser = 0x10000000
	if got, _ := r.Verdict(syscalls.X86_64, 56, [6]uint64{newUser}); got == specs.ActAllow {
		t.Error("clone(CLONE_NEWUSER) is allowed")
	}
	if got, _ := r.Verdict(syscalls.X86_64, 56, [6]uint64{17}); got != specs.ActAllow {
		t.Error("clone of a plain process is not allowed:", got)
	}
	// What went through the layer stays as it is.
	again, report, err := Within(out, docker(t))
	if err != nil || !slices.Equal(report.Local, []string{"kexec_load"}) {
		t.Fatal(err, report)
	}
	checkVerdicts(t, again, map[string]bool{"read": true, "kexec_load": false})
}

func TestWithin(t *testing.T) {
	out, report, err := Within(local(t, "read", "bind", "socket"), Layer{"core.json", parse(t, common)})
	if err != nil {
		t.Fatal(err)
	}
	want := &Report{Layer: "core.json", Holds: 4, Shared: []string{"read", "socket"}, Unused: []string{"close", "write"}, Local: []string{"bind"}, Conditional: []string{"socket"}}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Error(diff)
	}
	checkVerdicts(t, out, map[string]bool{"read": true, "bind": false, "close": false})
}

func TestLayerErrors(t *testing.T) {
	open := parse(t, `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mount"],"action":"SCMP_ACT_ERRNO"}]}`)
	arm := parse(t, strings.ReplaceAll(common, "X86_64", "AARCH64"))
	mine := parse(t, strings.Replace(common, `"value":1`, `"value":2`, 1))
	greater := parse(t, strings.Replace(strings.Replace(common, "CMP_EQ", "CMP_GE", 1), `"value":1`, `"value":0`, 1))
	for want, run := range map[string]func() error{
		"allows by default":    func() error { _, _, err := OnBase(mine, Layer{"open.json", open}, false); return err },
		"lists what it denies": func() error { _, _, err := Within(mine, Layer{"open.json", open}); return err },
		"does not cover SCMP_ARCH_X86_64": func() error {
			_, _, err := Within(mine, Layer{"arm.json", arm})
			return err
		},
		"both allow socket under conditions": func() error {
			_, _, err := OnBase(greater, Layer{"core.json", parse(t, strings.Replace(common, "CMP_EQ", "CMP_NE", 1))}, true)
			return err
		},
	} {
		if err := run(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func resolve(t testing.TB, p *policy.Policy) *policy.Resolved {
	t.Helper()
	data, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := policy.Parse(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	r, err := again.Resolve(policy.Host{Architecture: syscalls.X86_64, Capabilities: policy.DockerCapabilities(), Kernel: "6.1.0"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func checkVerdicts(t *testing.T, p *policy.Policy, want map[string]bool) {
	t.Helper()
	r := resolve(t, p)
	for name, allowed := range want {
		nr, ok := syscalls.Number(syscalls.X86_64, name)
		if action, _ := r.Verdict(syscalls.X86_64, nr, [6]uint64{}); !ok || (action == specs.ActAllow) != allowed {
			t.Errorf("%s: %s, want allowed %v", name, action, allowed)
		}
	}
}

// TestOnHosts: conditions on architectures are decided for the profile's own, and kept where they differ.
func TestOnHosts(t *testing.T) {
	const rule = `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["arch_prctl"],"action":"SCMP_ACT_ALLOW","includes":{"arches":["amd64","x32"],"caps":["CAP_BPF"]}},
		{"names":["clone"],"action":"SCMP_ACT_ALLOW","excludes":{"arches":["s390x"]}}]}`
	for hosts, want := range map[string]string{
		"amd64":       "arch_prctl [] clone []",
		"arm64":       "clone []",
		"amd64 arm64": "arch_prctl [amd64 x32] clone []",
		"s390x":       "",
		"s390x amd64": "arch_prctl [amd64 x32] clone [s390x]",
	} {
		var got []string
		for _, r := range onHosts(parse(t, rule), strings.Fields(hosts)).Rules {
			arches := []string{}
			for _, f := range []*policy.Filter{r.Includes, r.Excludes} {
				if f != nil {
					arches = append(arches, f.Arches...)
				}
			}
			got = append(got, r.Names[0], fmt.Sprint(arches))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("on %s: got %v, want %s", hosts, got, want)
		}
	}
	_, report, err := Within(local(t, "arch_prctl", "clone"), docker(t))
	if err != nil || !slices.Equal(report.Conditional, []string{"clone"}) {
		t.Error(err, report)
	}
}

// TestWithinNeverAllowsMore, for every number and some arguments, on hosts of several kinds; and it
// keeps what both allow.
func TestWithinNeverAllowsMore(t *testing.T) {
	bound := docker(t)
	var all []string
	for nr := range 470 {
		if name, ok := syscalls.Name(syscalls.X86_64, nr); ok {
			all = append(all, name)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		mine := local(t, rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 60, rapid.ID).Draw(rt, "names")...)
		drawConditional(rt, mine)
		if rapid.Bool().Draw(rt, "on the base first") {
			var err error
			if mine, _, err = OnBase(mine, bound, rapid.Bool().Draw(rt, "drop")); err != nil {
				skipUncombined(rt, err)
			}
		}
		out, _, err := Within(mine, bound)
		if err != nil {
			skipUncombined(rt, err)
		}
		h := policy.Host{Architecture: syscalls.X86_64, Kernel: rapid.SampledFrom([]string{"4.4.0", "6.1.0"}).Draw(rt, "kernel")}
		h.Capabilities = rapid.SampledFrom([][]string{nil, policy.DockerCapabilities(), {"CAP_SYS_ADMIN"}, {"CAP_SYS_PTRACE", "CAP_BPF"}}).Draw(rt, "capabilities")
		args := [6]uint64{rapid.SampledFrom([]uint64{0, 8, 16, 40, 0x10000000, 0x20000, 0xffffffff}).Draw(rt, "argument")}
		checkMeet(rt, h, args, out, mine, bound.Policy)
	})
}

func skipUncombined(t *rapid.T, err error) {
	if strings.Contains(err.Error(), "cannot combine") {
		t.Skip("a filter cannot say it")
	}
	t.Fatal(err)
}

// drawConditional gives some calls, which Docker's default has conditions for, other ones.
func drawConditional(t *rapid.T, p *policy.Policy) {
	ops := []specs.LinuxSeccompOperator{specs.OpEqualTo, specs.OpMaskedEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpGreaterThan, specs.OpGreaterEqual}
	for _, name := range []string{"clone", "clone3", "personality", "socket", "mount", "ptrace", "read"} {
		if !rapid.Bool().Draw(t, name) {
			continue
		}
		for i := range p.Rules {
			p.Rules[i].Names = slices.DeleteFunc(p.Rules[i].Names, func(n string) bool { return n == name })
		}
		for range rapid.IntRange(1, 2).Draw(t, "rules") {
			r := policy.Rule{Names: []string{name}, Action: specs.ActAllow}
			if rapid.Bool().Draw(t, "compared") {
				arg := specs.LinuxSeccompArg{Op: rapid.SampledFrom(ops).Draw(t, "op"), Index: rapid.UintRange(0, 1).Draw(t, "index"), Value: rapid.SampledFrom([]uint64{0, 8, 16, 40, 0x7e020000}).Draw(t, "value")}
				r.Args = []policy.Arg{{LinuxSeccompArg: arg}}
			}
			if rapid.Bool().Draw(t, "filtered") {
				r.Includes = &policy.Filter{Caps: []string{"CAP_SYS_ADMIN"}, Arches: []string{"amd64"}}
			}
			if rapid.Bool().Draw(t, "excluded") {
				r.Excludes = &policy.Filter{Caps: []string{"CAP_BPF"}}
			}
			p.Rules = append(p.Rules, r)
		}
	}
	p.Rules = slices.DeleteFunc(p.Rules, func(r policy.Rule) bool { return len(r.Names) == 0 })
}

// checkMeet: out allows what both allow, and nothing else.
func checkMeet(t *rapid.T, h policy.Host, args [6]uint64, out, mine, bound *policy.Policy) {
	resolved := map[*policy.Policy]*policy.Resolved{}
	for _, p := range []*policy.Policy{out, mine, bound} {
		r, err := p.Resolve(h)
		if err != nil {
			t.Fatal(err)
		}
		resolved[p] = r
	}
	for nr := range 470 {
		allowed := func(p *policy.Policy) bool {
			action, _ := resolved[p].Verdict(syscalls.X86_64, nr, args)
			return action == specs.ActAllow
		}
		if allowed(out) != (allowed(mine) && allowed(bound)) {
			name, _ := syscalls.Name(syscalls.X86_64, nr)
			t.Fatalf("%s: result %v, profile %v, bound %v", name, allowed(out), allowed(mine), allowed(bound))
		}
	}
}

func profileOf(observed ...string) *exporter.Profile {
	p := &exporter.Profile{Entries: []exporter.Entry{{Name: "execve", Reasons: []exporter.Evidence{{Reason: exporter.Base}}}}}
	for _, name := range observed {
		p.Entries = append(p.Entries, exporter.Entry{Name: name, Count: 7, Reasons: []exporter.Evidence{{Reason: exporter.Observed}}})
	}
	return p
}

func TestCore(t *testing.T) {
	fleet := []*exporter.Profile{profileOf("read", "write", "bind"), profileOf("read", "write"), profileOf("read", "write"), profileOf("read", "write"), profileOf("read", "futex")}
	c := CoreOf(fleet, 0.8)
	if c.Needed != 4 || c.Size() != 2 || !c.Has("write") || c.Has("bind") || c.Has("execve") {
		t.Errorf("%+v", c)
	}
	if diff := cmp.Diff([]Shared{{"read", 5}, {"write", 4}, {"bind", 1}, {"futex", 1}}, c.Calls); diff != "" {
		t.Error(diff)
	}
	all := profileOf("read", "write", "bind", "futex")
	all.Entries[3].Reasons = append(all.Entries[3].Reasons, exporter.Evidence{Reason: exporter.Handover, Text: "runc"}) // bind
	var names []string
	for _, e := range c.Profile(all).Entries {
		names = append(names, e.Name)
	}
	if diff := cmp.Diff([]string{"read", "write", "execve", "bind"}, names); diff != "" {
		t.Error(diff)
	}
	if !all.Entries[3].Has(exporter.Observed) {
		t.Error("the fleet's profile was changed")
	}
	for _, tc := range []struct {
		n     int
		share float64
		want  int
	}{{5, 0.8, 4}, {4, 0.8, 4}, {10, 0.8, 8}, {1, 0.01, 1}, {3, 1, 3}, {1000, 0.8, 800}} {
		if got := needed(tc.n, tc.share); got != tc.want {
			t.Errorf("%v of %d are %d, want %d", tc.share, tc.n, got, tc.want)
		}
	}
}

// TestBothComparisons: where one comparison can say what two say, it says exactly that.
func TestBothComparisons(t *testing.T) {
	ops := []specs.LinuxSeccompOperator{specs.OpEqualTo, specs.OpNotEqual, specs.OpMaskedEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpGreaterThan, specs.OpGreaterEqual}
	said := 0
	for _, x := range ops {
		for _, y := range ops {
			for v := range uint64(64) {
				a := specs.LinuxSeccompArg{Op: x, Value: v & 7, ValueTwo: 2}
				b := specs.LinuxSeccompArg{Op: y, Value: v >> 3, ValueTwo: 6}
				one, possible, ok := both(a, b)
				if !ok {
					continue
				}
				said++
				for arg := range uint64(9) {
					if got, want := possible && holdsFor(one, arg), holdsFor(a, arg) && holdsFor(b, arg); got != want {
						t.Fatalf("%v and %v for %d: %v, want %v (as %v)", a, b, arg, got, want, one)
					}
				}
			}
		}
	}
	if said < 1900 {
		t.Errorf("only %d of %d pairs can be said", said, 64*len(ops)*len(ops))
	}
}

func holdsFor(a specs.LinuxSeccompArg, arg uint64) bool {
	return map[specs.LinuxSeccompOperator]bool{
		specs.OpEqualTo: arg == a.Value, specs.OpNotEqual: arg != a.Value, specs.OpMaskedEqual: arg&a.Value == a.ValueTwo&a.Value,
		specs.OpLessThan: arg < a.Value, specs.OpLessEqual: arg <= a.Value, specs.OpGreaterThan: arg > a.Value, specs.OpGreaterEqual: arg >= a.Value,
	}[a.Op]
}

// TestOnBaseKeepsBoth: with the base kept, nothing that either allows is lost.
func TestOnBaseKeepsBoth(t *testing.T) {
	bound := docker(t)
	rapid.Check(t, func(rt *rapid.T) {
		mine := local(t, rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"read", "clone", "mount", "ptrace", "socket", "kexec_load"}), 1, 6, rapid.ID).Draw(rt, "names")...)
		drawConditional(rt, mine)
		out, _, err := OnBase(mine, bound, false)
		if err != nil {
			rt.Fatal(err)
		}
		h := policy.Host{Architecture: syscalls.X86_64, Kernel: "6.1.0", Capabilities: rapid.SampledFrom([][]string{nil, {"CAP_SYS_ADMIN"}, {"CAP_BPF"}}).Draw(rt, "capabilities")}
		args := [6]uint64{rapid.SampledFrom([]uint64{0, 8, 16, 40, 0x10000000}).Draw(rt, "argument")}
		var r []*policy.Resolved
		for _, p := range []*policy.Policy{out, mine, bound.Policy} {
			resolved, err := p.Resolve(h)
			if err != nil {
				rt.Fatal(err)
			}
			r = append(r, resolved)
		}
		for nr := range 470 {
			allowed := func(i int) bool {
				action, _ := r[i].Verdict(syscalls.X86_64, nr, args)
				return action == specs.ActAllow
			}
			if want := allowed(1) || allowed(2); allowed(0) != want {
				name, _ := syscalls.Name(syscalls.X86_64, nr)
				rt.Fatalf("%s: result %v, want %v", name, allowed(0), want)
			}
		}
	})
}
