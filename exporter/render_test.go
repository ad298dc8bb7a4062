package exporter

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestRenderGolden(t *testing.T) {
	nginx := build(t, Options{}, readRecording(t, "../testdata/recordings/nginx.json"))
	mixed := build(t, Options{Runtime: RuntimeCrun}, server(t),
		record(t, "old", counts{"steady": {"x86/socketcall": 3, "x86/read": 1}}))
	forks := build(t, Options{Archs: []string{"arm64"}}, record(t, "forks", counts{"startup": {"fork": 1, "write": 2}, "steady": {"stat": 1, "modify_ldt": 1}, "shutdown": {"pause": 1}}))
	for name, p := range map[string]*Profile{"nginx": nginx, "mixed": mixed, "forks": forks} {
		for _, format := range Formats() {
			t.Run(name+"-"+format, func(t *testing.T) {
				got, err := Render(format, p, RenderOptions{})
				if err != nil {
					t.Fatal(err)
				}
				golden(t, name+"."+format+".json", got)
			})
		}
	}
}

func TestRenderActions(t *testing.T) {
	p := build(t, Options{}, server(t))
	eperm := uint(1)
	for _, tc := range []struct {
		opts RenderOptions
		want string
	}{
		{RenderOptions{}, "SCMP_ACT_ERRNO 38"},
		{RenderOptions{Errno: &eperm}, "SCMP_ACT_ERRNO 1"},
		{RenderOptions{DefaultAction: specs.ActKillProcess}, "SCMP_ACT_KILL_PROCESS none"},
		{RenderOptions{DefaultAction: specs.ActLog}, "SCMP_ACT_LOG none"},
	} {
		data, err := OCI(p, tc.opts)
		if err != nil {
			t.Fatal(err)
		}
		var got specs.LinuxSeccomp
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		text := string(got.DefaultAction) + " none"
		if got.DefaultErrnoRet != nil {
			text = strings.Replace(text, "none", map[uint]string{1: "1", 38: "38"}[*got.DefaultErrnoRet], 1)
		}
		if text != tc.want {
			t.Errorf("got %s, want %s", text, tc.want)
		}
	}
	if _, err := Docker(p, RenderOptions{DefaultAction: specs.ActTrap, Errno: &eperm}); err == nil {
		t.Error("an errno for trap")
	}
	if _, err := Render("selinux", p, RenderOptions{}); err == nil {
		t.Error("an unknown format")
	}
}

func TestGroups(t *testing.T) {
	old := record(t, "old", counts{"steady": {"x86/socketcall": 3, "x86/read": 1}})
	var got []string
	seen := map[string]bool{}
	for _, g := range Groups(build(t, Options{Runtime: RuntimeNone, Portability: "none"}, server(t), old)) {
		got = append(got, g.comment()+": "+strings.Join(g.names(), " "))
		for _, name := range g.names() {
			if seen[name] {
				t.Errorf("%s is in two groups", name)
			}
			seen[name] = true
		}
	}
	want := []string{
		"observed in steady; 166 recorded: read epoll_wait close",
		"observed in steady (x86 only, allowed for every architecture that has the name); 3 recorded: socketcall",
		"observed in startup and shutdown, not in steady; 2 recorded: kill",
		"observed in startup only; 10 recorded: mmap bind",
		"observed in reload only; 2 recorded: rename",
		"observed in shutdown only; 1 recorded: unlink",
		"handover: recorded between the filter and the workload's execve; 2 recorded: chdir setgid",
		"base: every process or container start needs these; not observed: execve exit exit_group restart_syscall rt_sigreturn",
		"base: every process or container start needs these; not observed (x86 only, allowed for every architecture that has the name): sigreturn",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParse(t *testing.T) {
	for in, want := range map[string]specs.LinuxSeccompAction{
		"errno": specs.ActErrno, "SCMP_ACT_ERRNO": specs.ActErrno, "Kill_Process": specs.ActKillProcess,
		"scmp_act_log": specs.ActLog, "trap": specs.ActTrap, "kill_thread": specs.ActKillThread,
		"allow": "", "notify": "", "": "",
	} {
		if got, err := ParseAction(in); got != want || (err == nil) != (want != "") {
			t.Errorf("ParseAction(%q) = %q, %v", in, got, err)
		}
	}
}
