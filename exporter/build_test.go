package exporter

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// reasons are the entries as "name: reason (text); reason (text)".
func reasons(p *Profile) map[string]string {
	m := map[string]string{}
	for _, e := range p.Entries {
		var list []string
		for _, ev := range e.Reasons {
			list = append(list, string(ev.Reason)+" ("+ev.Text+")")
		}
		m[e.Name] = strings.Join(list, "; ")
	}
	return m
}

func TestBuildWithoutRuntime(t *testing.T) {
	p := build(t, Options{Runtime: RuntimeNone, Portability: "none"}, server(t))
	want := map[string]string{
		"read":            "observed (startup 5, steady 100); handover (recorded, handover 1)",
		"epoll_wait":      "observed (steady 50)",
		"mmap":            "observed (startup 9)",
		"close":           "observed (steady 7, shutdown 2)",
		"bind":            "observed (startup 1)",
		"kill":            "observed (startup 1, shutdown 1)",
		"rename":          "observed (reload 2)",
		"unlink":          "observed (shutdown 1)",
		"chdir":           "handover (recorded, handover 1)",
		"setgid":          "handover (recorded, handover 1)",
		"execve":          "base (container start: the runtime ends with it, under the filter)",
		"exit":            "base (a thread ends with it)",
		"exit_group":      "base (a process ends with it)",
		"restart_syscall": "base (the kernel puts it in place of a sleep that a stop and continue interrupted)",
		"rt_sigreturn":    "base (a signal handler returns with it)",
	}
	if diff := cmp.Diff(want, reasons(p)); diff != "" {
		t.Error(diff)
	}
	if p.Entries[0].Name != "read" || p.Entries[0].Count != 106 {
		t.Errorf("the first is %s with %d", p.Entries[0].Name, p.Entries[0].Count)
	}
}

func TestBuildPhases(t *testing.T) {
	names := func(p *Profile) string {
		var list []string
		for _, e := range p.Entries {
			if !e.Has(Base) {
				list = append(list, e.Name)
			}
		}
		slices.Sort(list)
		return strings.Join(list, " ")
	}
	for _, tc := range []struct{ phases, want string }{
		{"steady,shutdown", "close epoll_wait kill read unlink"},
		{"reload", "rename"},
		// With startup goes what the runtime was seen to do.
		{"startup", "bind chdir kill mmap read setgid"},
		{"handover", "chdir read setgid"},
	} {
		p := build(t, Options{Phases: strings.Split(tc.phases, ","), Runtime: RuntimeNone, Portability: "none"}, server(t))
		if got := names(p); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.phases, got, tc.want)
		}
	}
	if p := build(t, Options{Phases: []string{"steady", "shutdown"}}, server(t)); len(p.Runtimes) > 0 {
		t.Errorf("a profile that starts nothing has the calls of %s", p.Runtimes)
	}
}

func TestBuildErrors(t *testing.T) {
	short := record(t, "ls", counts{"startup": {"read": 1}})
	unnamed := server(t)
	unnamed.Syscalls = append(unnamed.Syscalls, recording.Syscall{
		ABI: "x86_64", Nr: 9999, Total: 1, Phases: map[string]recording.PhaseCount{"steady": {Count: 1}},
	})
	wrong := server(t)
	wrong.Syscalls[0].Name = "ptrace"
	foreign := server(t)
	foreign.Host.Architecture = "vax"
	for _, tc := range []struct {
		rec  *recording.Recording
		opts Options
		want string
	}{
		{short, Options{Phases: []string{"setup"}}, "setup is never exported"},
		{short, Options{Phases: []string{"steady"}}, "phase steady was not reached in any recording"},
		{short, Options{Phases: []string{"relaod"}}, `phase "relaod" is in no recording: choose of startup`},
		{short, Options{Runtime: "kata"}, "use one of all, crun, none, runc"},
		{short, Options{NoNewPrivs: "maybe"}, "use one of any, no, yes"},
		{short, Options{Portability: "everywhere"}, "use one of none, libc, arch"},
		{short, Options{Portability: "libc", Archs: []string{"aarch64"}}, "portability arch, not with libc"},
		{short, Options{Archs: []string{"z80"}}, `architecture "z80" is not known`},
		{unnamed, Options{}, "call number 9999 of ABI x86_64, recorded on kernel 6.12.0, has no name"},
		{wrong, Options{}, "ptrace, but it is read"},
		{foreign, Options{}, `architecture "vax"`},
	} {
		_, err := Build([]*recording.Recording{tc.rec}, tc.opts)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %q", err, tc.want)
		}
	}
	if _, err := Build(nil, Options{}); err == nil {
		t.Error("no recording made a profile")
	}
	// What is not exported needs no name.
	build(t, Options{Phases: []string{"startup"}}, unnamed)
}

func TestBuildIncomplete(t *testing.T) {
	r := server(t)
	r.Complete, r.Incomplete = false, []string{"12 calls were lost"}
	_, err := Build([]*recording.Recording{server(t), r}, Options{})
	var incomplete *IncompleteError
	if !errors.As(err, &incomplete) || incomplete.Why != "12 calls were lost" {
		t.Errorf("got %v", err)
	}
	p := build(t, Options{AllowIncomplete: true}, r)
	if len(p.Warnings) == 0 || !strings.Contains(p.Warnings[0], "server is incomplete") {
		t.Errorf("warnings: %q", p.Warnings)
	}
}

func TestBuildWarnings(t *testing.T) {
	r := record(t, "ls", counts{"startup": {"read": 1}})
	r.Workload.Seccomp = 2
	got := strings.Join(build(t, Options{}, r).Warnings, "\n")
	for _, want := range []string{"under a seccomp filter", "no recording reached phase steady", "no recording reached phase shutdown"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
	code := 0
	r.Workload.Seccomp, r.Workload.Leader.ExitCode = 0, &code
	if w := build(t, Options{}, r).Warnings; len(w) != 1 || !strings.Contains(w[0], "ended by itself") {
		t.Errorf("warnings: %q", w)
	}
	if w := build(t, Options{}, server(t)).Warnings; len(w) > 0 {
		t.Errorf("warnings: %q", w)
	}
	if w := build(t, Options{Phases: []string{"startup"}}, server(t)).Warnings; len(w) != 1 || !strings.Contains(w[0], "steady is left out") {
		t.Errorf("warnings: %q", w)
	}
}

func TestBuildUnion(t *testing.T) {
	a := record(t, "a", counts{"steady": {"read": 1, "open": 2}})
	b := record(t, "b", counts{"steady": {"read": 10}, "shutdown": {"x86/open": 4}})
	c := recordOn(t, "c", "aarch64", counts{"steady": {"read": 100}})
	p := build(t, Options{Runtime: RuntimeNone}, a, b, c)
	if diff := cmp.Diff([]Arch{{Native: "aarch64"}, {Native: "x86_64", Subs: []string{"x86"}}}, p.Archs); diff != "" {
		t.Error(diff)
	}
	got := map[string]uint64{}
	for _, e := range p.Entries {
		got[e.Name] = e.Count
	}
	if got["read"] != 111 || got["open"] != 6 {
		t.Errorf("counts: %v", got)
	}
	// 32-bit handlers return with sigreturn: only once x86 was seen.
	if _, ok := got["sigreturn"]; !ok {
		t.Error("sigreturn is missing")
	}
	if _, ok := reasons(build(t, Options{}, a))["sigreturn"]; ok {
		t.Error("sigreturn for x86_64 alone")
	}
}

// TestTablesNameRealCalls: a typing error in a table would be left out silently.
func TestTablesNameRealCalls(t *testing.T) {
	known := func(name string) bool { return len(having([]string{"x86_64", "aarch64", "x86", "arm"}, name)) > 0 }
	for family, calls := range sourceCalls {
		seen := map[string]bool{}
		for _, c := range calls {
			if !known(c.name) || seen[c.name] || handoverSources[c.source] == "" {
				t.Errorf("%s: %s is unknown, twice or without a source", family, c.name)
			}
			seen[c.name] = true
		}
	}
	for _, c := range baseCalls {
		if !known(c.name) || c.why == "" {
			t.Errorf("base: %s is unknown or without a reason", c.name)
		}
	}
}
