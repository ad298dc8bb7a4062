package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/doctor"
	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// TestDoctor: on a host for the whole suite, everything is there.
func TestDoctor(t *testing.T) {
	hosttest.Root(t)
	cgroup2(t)
	p := newPlace(t)
	table := p.run(nil, nil, "doctor")
	if table.code != exitOK || table.stderr != "" {
		t.Fatalf("exit code %d: %s%s", table.code, table.stdout, table.stderr)
	}
	lines := []string{"\n\nThis host can record.\n"}
	for _, probe := range profiler.LosslessProbes() {
		lines = append(lines, fmt.Sprintf("ok    %-17s self-test: 10000 calls made, 10000 counted, losses 0\n", probe))
	}
	for _, line := range lines {
		if !strings.Contains(table.stdout, line) {
			t.Errorf("no %q in:\n%s", line, table.stdout)
		}
	}
	p.wantFiles()
}

// TestDoctorJSON: versioned, and the same bytes each time.
func TestDoctorJSON(t *testing.T) {
	hosttest.Root(t)
	cgroup2(t)
	p := newPlace(t)
	first, second := p.run(nil, nil, "doctor", "--output", "json"), p.run(nil, nil, "doctor", "--output", "json")
	if first.stdout != second.stdout {
		t.Errorf("two runs differ:\n%s\n%s", first.stdout, second.stdout)
	}
	var report doctorReport
	if err := json.Unmarshal([]byte(first.stdout), &report); err != nil {
		t.Fatal(err)
	}
	if report.APIVersion != "scallop/v1" || report.Kind != "HostReport" || !report.CanRecord || len(report.Needs) == 0 {
		t.Errorf("%+v", report)
	}
	var names []string
	for _, c := range report.Checks {
		names = append(names, c.Name)
	}
	want := strings.Fields(`kernel architecture cpus btf tracepoints capabilities cgroup cgroup-write clone3 seccomp own-filter
		lockdown memory-lock unprivileged-bpf bpffs tracefs perf-event map-memory runtimes`)
	want = append(want, profiler.Probes()...)
	if !slices.Equal(names, want) {
		t.Errorf("checks %q, want %q", names, want)
	}
}

// TestDoctorNoNewPrivs: what doctor says of itself.
func TestDoctorNoNewPrivs(t *testing.T) {
	hosttest.Root(t)
	prefix := []string{hosttest.Tool(t, "setpriv", "util-linux"), "--no-new-privs"}
	p := newPlace(t)
	if o := p.run(prefix, nil, "doctor"); o.code != exitOK || !strings.Contains(o.stdout, "warn  own-filter") {
		t.Errorf("exit code %d:\n%s", o.code, o.stdout)
	}
}

func TestDoctorTable(t *testing.T) {
	checks := cleanChecks([]doctor.Check{
		{Name: "runtimes", Verdict: doctor.OK, Found: "runc \x1b[31m1.0\n evil"},
		{Name: "cgroup", Verdict: doctor.Fail, Found: "no cgroup2 file system is mounted", Next: "mount -t cgroup2 none /sys/fs/cgroup/unified"},
		{Name: "btf", Verdict: doctor.Warn, Found: "odd", Next: "look"},
	})
	for name, test := range map[string]struct {
		t    terminal
		want string
	}{
		"pipe": {terminal{}, `ok    runtimes  runc \x1b[31m1.0 evil
FAIL  cgroup    no cgroup2 file system is mounted; next: mount -t cgroup2 none /sys/fs/cgroup/unified
warn  btf       odd; next: look
`},
		"terminal": {terminal{tty: true, color: true, width: 44}, "\x1b[32mok\x1b[0m    runtimes  runc \\x1b[31m1.0 evil\n" +
			"\x1b[1m\x1b[31mFAIL\x1b[0m  cgroup    no cgroup2 file system is\n" +
			"                mounted\n" +
			"                next: mount -t cgroup2 none\n" +
			"                /sys/fs/cgroup/unified\n" +
			"\x1b[33mwarn\x1b[0m  btf       odd\n" +
			"                next: look\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			writeDoctorTable(&out, checks, test.t)
			if out.String() != test.want {
				t.Errorf("got:\n%s\nwant:\n%s", out.String(), test.want)
			}
		})
	}
}

// TestNeedsNameCommands: the table of capabilities is about commands that exist.
func TestNeedsNameCommands(t *testing.T) {
	root := newRootCmd(&env{})
	for _, need := range doctor.Needs {
		if cmd, _, err := root.Find([]string{need.Command}); err != nil || cmd.Name() != need.Command {
			t.Errorf("%s: no such command", need.Command)
		}
		if !strings.HasPrefix(need.Capability, "cap_") || need.Reason == "" {
			t.Errorf("%+v", need)
		}
	}
}
