package filter_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter/filter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

var amd64 = policy.Host{Architecture: syscalls.X86_64, Kernel: "6.1.0", Capabilities: policy.DockerCapabilities(), RuncStub: true}

// enforced parses and resolves a profile for amd64.
func enforced(t *testing.T, text string) *policy.Resolved {
	t.Helper()
	p, err := policy.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Resolve(amd64)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func compiled(t *testing.T, r *policy.Resolved) filter.Program {
	t.Helper()
	p, err := filter.Compile(r, filter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// profileOf allows names, with rules of more.
func profileOf(rules ...string) string {
	return `{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_X32"],"syscalls":[` + strings.Join(rules, ",") + `]}`
}

const (
	allowSome  = `{"names":["read","write","openat","io_uring_register"],"action":"SCMP_ACT_ALLOW"}`
	allowIPv4  = `{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2,"op":"SCMP_CMP_EQ"}]}`
	allowClone = `{"names":["clone"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2114060288,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]}`
)

// differing are the differences in words.
func differing(t *testing.T, r *policy.Resolved, f filter.Filters) []string {
	t.Helper()
	list, err := filter.Differences(r, f)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, d := range list {
		texts = append(texts, fmt.Sprintf("%s %s %s%d %s%d", d.ABI, d.Name(), d.Want.Action, d.Want.Errno, d.Got.Action, d.Got.Errno))
	}
	return texts
}

// What was compiled of a profile differs from it in nothing, from each smaller one in what that lacks.
func TestDifferences(t *testing.T) {
	whole := enforced(t, profileOf(allowSome, allowIPv4, allowClone))
	for name, test := range map[string]struct {
		live filter.Filters
		want []string
	}{
		"same":  {filter.Filters{compiled(t, whole)}, nil},
		"twice": {filter.Filters{compiled(t, whole), compiled(t, whole)}, nil},
		"condition lacks": {filter.Filters{compiled(t, enforced(t, profileOf(allowSome, allowClone)))}, []string{
			"x86_64 socket SCMP_ACT_ALLOW0 SCMP_ACT_ERRNO1", "x86 socketcall SCMP_ACT_ALLOW0 SCMP_ACT_ERRNO1",
			"x86 socket SCMP_ACT_ALLOW0 SCMP_ACT_ERRNO1", "x32 socket SCMP_ACT_ALLOW0 SCMP_ACT_ERRNO1"}},
		"no condition": {filter.Filters{compiled(t, enforced(t, profileOf(allowSome, allowIPv4, `{"names":["clone"],"action":"SCMP_ACT_ALLOW"}`)))}, []string{
			"x86_64 clone SCMP_ACT_ERRNO1 SCMP_ACT_ALLOW0", "x86 clone SCMP_ACT_ERRNO1 SCMP_ACT_ALLOW0", "x32 clone SCMP_ACT_ERRNO1 SCMP_ACT_ALLOW0"}},
		"a second filter": {filter.Filters{compiled(t, whole), compiled(t, enforced(t, `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["openat"],"action":"SCMP_ACT_KILL_PROCESS"}]}`).Map(x86Too))}, []string{
			"x86_64 openat SCMP_ACT_ALLOW0 SCMP_ACT_KILL_PROCESS0"}},
	} {
		if got := differing(t, whole, test.live); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// x86Too lets calls of other architectures pass.
func x86Too(o policy.Outcome) policy.Outcome {
	if o.Action == specs.ActKillThread {
		o.Action = specs.ActAllow
	}
	return o
}

// Without a filter, everything that the profile denies differs, and nothing that it allows.
func TestDifferencesUnfiltered(t *testing.T) {
	r := enforced(t, profileOf(allowSome))
	list, err := filter.Differences(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 3*(1024-4) { // four names in three ABIs
		t.Errorf("%d differences", len(list))
	}
}

// The strictest verdict counts; of equal ones the value of the latest.
func TestFiltersVerdict(t *testing.T) {
	ret := func(v uint32) filter.Program { return filter.Program{{Code: 0x06, K: v}} }
	for name, test := range map[string]struct {
		filters filter.Filters
		want    policy.Outcome
	}{
		"none":         {nil, policy.Outcome{Action: specs.ActAllow}},
		"errno":        {filter.Filters{ret(0x7fff0000), ret(0x00050001), ret(0x7ffc0000)}, policy.Outcome{Action: specs.ActErrno, Errno: 1}},
		"latest errno": {filter.Filters{ret(0x00050001), ret(0x00050026)}, policy.Outcome{Action: specs.ActErrno, Errno: 38}},
		"kill process": {filter.Filters{ret(0x80000000), ret(0)}, policy.Outcome{Action: specs.ActKillProcess}},
	} {
		got, err := test.filters.Verdict(filter.Data{})
		if err != nil || got != test.want {
			t.Errorf("%s: %v, %v, want %v", name, got, err, test.want)
		}
	}
}

// Docker's own profile, against itself and against one of a container with more rights.
func TestDifferencesDocker(t *testing.T) {
	r := resolved(t, "docker", amd64)
	if got := differing(t, r, filter.Filters{compiled(t, r)}); len(got) > 0 {
		t.Errorf("%q", got)
	}
	admin := amd64
	admin.Capabilities = append([]string{"CAP_SYS_TIME"}, amd64.Capabilities...)
	got := differing(t, r, filter.Filters{compiled(t, resolved(t, "docker", admin))})
	if len(got) == 0 || slices.ContainsFunc(got, func(s string) bool { return !strings.Contains(s, "time") && !strings.Contains(s, "clock_") }) {
		t.Errorf("%q", got)
	}
}
