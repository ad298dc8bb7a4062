package exporter

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/exporter/baselines"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// baseline is one of so many starts without no_new_privs, all of which make the calls.
func baseline(version string, starts int, calls string, withNoNewPrivs string) *baselines.Baseline {
	setting := func(set bool, names string) baselines.Setting {
		s := baselines.Setting{NoNewPrivs: set, Starts: []baselines.Starts{{Kind: "run as root", Count: starts}}}
		for _, name := range strings.Fields(names) {
			s.Calls = append(s.Calls, baselines.Call{Name: name, Starts: starts, Count: starts})
		}
		return s
	}
	return &baselines.Baseline{Runtime: RuntimeRunc, Version: version, Settings: []baselines.Setting{setting(false, calls), setting(true, withNoNewPrivs)}}
}

func TestHandoverTexts(t *testing.T) {
	shipped := []*baselines.Baseline{
		baseline("1.0.0", 2, "capset execve", "execve"),
		baseline("1.1.5", 3, "capset execve openat2", "execve"),
		baseline("1.1.15", 4, "execve fsopen", "execve"),
		baseline("1.3.6", 5, "capset execve personality", "execve openat2"),
	}
	for _, tc := range []struct {
		setting string
		want    map[string]string
	}{
		{NoNewPrivsAny, map[string]string{
			"execve":  "runc 1.0.0 to 1.3.6: measured, 28 of 28 starts",
			"capset":  "runc 1.0.0, 1.1.5, 1.3.6: measured, 10 of 20 starts",
			"openat2": "runc 1.1.5, 1.3.6: measured, 8 of 16 starts",
		}},
		{NoNewPrivsNo, map[string]string{
			"execve":  "runc 1.0.0 to 1.3.6: measured, 14 of 14 starts without no_new_privs",
			"capset":  "runc 1.0.0, 1.1.5, 1.3.6: measured, 10 of 10 starts without no_new_privs",
			"openat2": "runc 1.1.5: measured, 3 of 3 starts without no_new_privs",
		}},
		{NoNewPrivsYes, map[string]string{
			"execve":  "runc 1.0.0 to 1.3.6: measured, 14 of 14 starts with no_new_privs",
			"openat2": "runc 1.3.6: measured, 5 of 5 starts with no_new_privs",
		}},
	} {
		got := map[string]string{}
		for _, c := range handoverCalls(shipped, []string{RuntimeRunc}, tc.setting) {
			if strings.Contains(c.text, ": measured, ") {
				got[c.name] = c.text
			}
		}
		if !maps.Equal(got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.setting, got, tc.want)
		}
	}
}

func shippedCalls(t *testing.T, setting string, families ...string) map[string]string {
	t.Helper()
	shipped, err := baselines.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]string{}
	for _, c := range handoverCalls(shipped, families, setting) {
		calls[c.name] = c.text
	}
	return calls
}

// TestHandoverCoversEveryBaseline: whatever a version was seen to call is allowed, or left out with a reason.
func TestHandoverCoversEveryBaseline(t *testing.T) {
	shipped, err := baselines.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	leftOut := map[string]bool{}
	for _, b := range shipped {
		for _, s := range b.Settings {
			setting := map[bool]string{false: NoNewPrivsNo, true: NoNewPrivsYes}[s.NoNewPrivs]
			tied, either := shippedCalls(t, setting, b.Runtime), shippedCalls(t, NoNewPrivsAny, b.Runtime)
			for _, c := range s.Calls {
				if dispensable[c.Name] != "" {
					leftOut[c.Name] = true
				} else if tied[c.Name] == "" || either[c.Name] == "" {
					t.Errorf("%s %s calls %s, and a profile lacks it", b.Runtime, b.Version, c.Name)
				}
			}
		}
	}
	for name, why := range dispensable {
		if !leftOut[name] || why == "" {
			t.Errorf("%s was never measured, or has no reason to be left out", name)
		}
	}
}

func TestHandoverLeavesPrivilegesOut(t *testing.T) {
	for _, family := range families() {
		either, tied := shippedCalls(t, NoNewPrivsAny, family), shippedCalls(t, NoNewPrivsYes, family)
		for _, name := range []string{"mount", "fsopen", "fsmount", "pivot_root", "unshare", "setns", "sethostname", "umount2", "ptrace", "clone"} {
			if text, ok := either[name]; ok {
				t.Errorf("%s: %s is allowed: %s", family, name, text)
			}
		}
		for _, name := range []string{"capset", "setuid", "setgid", "setgroups", "setresuid", "setresgid", "prctl"} {
			if text, ok := tied[name]; ok {
				t.Errorf("%s with no_new_privs: %s is allowed: %s", family, name, text)
			}
		}
		if len(tied) >= len(either) || tied["execve"] == "" || either["capset"] == "" {
			t.Errorf("%s: %d calls with no_new_privs, %d for both", family, len(tied), len(either))
		}
	}
}

// inContainer makes r a recording of a container of that runtime.
func inContainer(r *recording.Recording, runtime string, noNewPrivs *bool) *recording.Recording {
	r.Workload.Kind, r.Workload.NoNewPrivs = recording.KindContainer, noNewPrivs
	r.Workload.Container = &recording.Container{ID: "3f2a9c1b7d44", Engine: "docker", Runtime: runtime}
	return r
}

func TestBuildChoosesTheRuntime(t *testing.T) {
	yes, no := true, false
	command := server(t)
	command.Workload.NoNewPrivs = &yes
	of := func(runtime string, noNewPrivs *bool) *recording.Recording {
		return inContainer(server(t), runtime, noNewPrivs)
	}
	for _, tc := range []struct {
		name     string
		recs     []*recording.Recording
		opts     Options
		families string
		setting  string
	}{
		{"a command", []*recording.Recording{command}, Options{}, "runc", "any"},
		{"runc", []*recording.Recording{of("runc", nil)}, Options{}, "runc", "any"},
		{"containerd's shim", []*recording.Recording{of("io.containerd.runc.v2", &no)}, Options{}, "runc", "no"},
		{"a path", []*recording.Recording{of("/usr/bin/crun", &yes)}, Options{}, "crun", "yes"},
		{"not known", []*recording.Recording{of("runsc", &yes)}, Options{}, "crun runc", "yes"},
		{"nobody could be asked", []*recording.Recording{of("", nil)}, Options{}, "crun runc", "any"},
		{"a name that begins alike", []*recording.Recording{of("runc-nvidia", nil)}, Options{}, "crun runc", "any"},
		{"two runtimes", []*recording.Recording{of("runc", &yes), of("crun", &yes)}, Options{}, "crun runc", "yes"},
		{"two settings", []*recording.Recording{of("crun", &yes), of("crun", &no)}, Options{}, "crun", "any"},
		{"with a command", []*recording.Recording{of("crun", &yes), command}, Options{}, "crun", "any"},
		{"asked", []*recording.Recording{of("crun", &yes)}, Options{Runtime: RuntimeRunc, NoNewPrivs: NoNewPrivsNo}, "runc", "no"},
		{"all asked", []*recording.Recording{of("crun", nil)}, Options{Runtime: RuntimeAll}, "crun runc", "any"},
		{"none asked", []*recording.Recording{of("crun", nil)}, Options{Runtime: RuntimeNone}, "", "any"},
		{"no start", []*recording.Recording{of("crun", nil)}, Options{Phases: []string{"steady"}}, "", "any"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := build(t, tc.opts, tc.recs...)
			if got := strings.Join(p.Runtimes, " "); got != tc.families || p.NoNewPrivs != tc.setting {
				t.Errorf("runtimes %q, no_new_privs %s; want %q, %s", got, p.NoNewPrivs, tc.families, tc.setting)
			}
			warned := slices.ContainsFunc(p.Warnings, func(w string) bool { return strings.Contains(w, "was started by") })
			if want := strings.HasPrefix(tc.name, "no") && tc.opts.Runtime == "" && tc.families != "" || strings.HasPrefix(tc.name, "a name"); warned != want {
				t.Errorf("warnings: %q", p.Warnings)
			}
		})
	}
}

func TestBuildAddsTheRuntime(t *testing.T) {
	got := reasons(build(t, Options{}, server(t)))
	for name, want := range map[string]string{
		"capset":  "handover (runc 1.0.0-rc93 to ",
		"openat2": "handover (runc 1.2.8 to ",
		"gettid":  "handover (the Go runtime of runc may make it",
		// What was observed says so first, and keeps the runtime's reason.
		"close": "observed (steady 7, shutdown 2); handover (runc 1.0.0-rc93 to ",
		// What was recorded as handover keeps saying so.
		"chdir": "handover (recorded, handover 1); handover (runc 1.0.0-rc93 to ",
	} {
		if !strings.HasPrefix(got[name], want) {
			t.Errorf("%s: %q, want %q…", name, got[name], want)
		}
	}
	if _, ok := got["mount"]; ok {
		t.Error("setup was exported")
	}
	both := reasons(build(t, Options{Runtime: RuntimeAll}, server(t)))
	if text := both["capset"]; !strings.Contains(text, "starts; runc 1.0.0-rc93") || !strings.HasPrefix(text, "handover (crun 0.17 to ") {
		t.Errorf("capset: %q", text)
	}
}

// TestHandoverFitsOtherArchitectures: baselines are from x86_64, whose oldest calls others lack. What they
// make instead must be in, too.
func TestHandoverFitsOtherArchitectures(t *testing.T) {
	instead := map[string]string{"select": "pselect6"}
	for _, family := range families() {
		calls := shippedCalls(t, NoNewPrivsAny, family)
		for name := range calls {
			if len(having([]string{"aarch64"}, name)) == 0 && calls[instead[name]] == "" {
				t.Errorf("%s: aarch64 has no %s, and nothing stands for it", family, name)
			}
		}
	}
}
