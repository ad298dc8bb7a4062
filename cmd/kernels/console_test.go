package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func console(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestParseConsole(t *testing.T) {
	want := &guestResult{
		Release: "6.1.0-50-cloud-amd64",
		Machine: "x86_64",
		Exits:   map[string]int{"profiler": 0, "profiler/session": 1},
		AllRun:  true,
		Tests: []testResult{
			{Package: "profiler", Name: "TestPhasesAreExact", Outcome: passed, Seconds: 4.52,
				Output: []string{"    --- PASS: TestPhasesAreExact/tp_btf (3.10s)", "    --- PASS: TestPhasesAreExact/raw_tracepoint (1.42s)"}},
			{Package: "profiler/session", Name: "TestSameSetAsStrace", Outcome: skipped, Seconds: 0.01,
				Output: []string{"    oracle_test.go:81: lacks python3 (Debian package python3); `make test` as root sets it up"}},
			{Package: "profiler/session", Name: "TestABIs", Outcome: failed, Seconds: 1.2,
				Output: []string{"    abi_test.go:51: counted 0 getpid, the program made 200", "    --- FAIL: TestABIs/32-bit_program_tp_btf (0.60s)"}},
		},
	}
	if diff := cmp.Diff(want, parseConsole(console(t, "console.txt"))); diff != "" {
		t.Error(diff)
	}
}

func TestVerdictOfGuest(t *testing.T) {
	green := func() *guestResult {
		r := &guestResult{AllRun: true, Exits: map[string]int{}, Tests: []testResult{{Name: "TestABIs", Outcome: passed}, {Outcome: skipped}}}
		for _, b := range binaries {
			r.Exits[b.Package] = 0
		}
		return r
	}
	if !green().ok() {
		t.Error("a green guest is not")
	}
	for name, spoil := range map[string]func(*guestResult){
		"power cut":      func(r *guestResult) { r.AllRun = false },
		"exit code":      func(r *guestResult) { r.Exits["profiler"] = 2 },
		"missing binary": func(r *guestResult) { delete(r.Exits, "profiler") },
		"failed test":    func(r *guestResult) { r.Tests[0].Outcome = failed },
	} {
		r := green()
		spoil(r)
		if r.ok() {
			t.Errorf("%s: still ok", name)
		}
	}
}

// The script and the parser must agree on the lines between them.
func TestScriptIsUnderstood(t *testing.T) {
	script := testScript("a'b", layout{})
	for _, b := range binaries {
		for _, want := range []string{
			"echo \"" + lineRun + "\" " + b.Package + "\n",
			"echo \"" + lineEnd + "\" $? " + b.Package + "\n",
			`-test.run 'a'\''b'` + "\n",
		} {
			if !strings.Contains(script, want) {
				t.Errorf("the script lacks %q:\n%s", want, script)
			}
		}
	}
	if !strings.Contains(testScript("", layout{}), "cmd-scallop-verify_test.test -test.v -test.parallel 1 -test.timeout 600s -test.run '^TestExportAndEnforce'\n") {
		t.Error("a binary's own choice of tests is not taken")
	}
}

func FuzzParseConsole(f *testing.F) {
	f.Add(console(f, "console.txt"))
	f.Add(console(f, "panic.txt"))
	f.Fuzz(func(t *testing.T, text string) {
		o := &outcome{Kernel: "fuzz", Arch: "amd64", Verdict: failed, Guest: parseConsole(text), console: text}
		var b strings.Builder
		o.report(&b, true)
		for _, r := range b.String() {
			if r < ' ' && r != '\n' && r != '\t' {
				t.Errorf("control character %q is reported", r)
			}
		}
	})
}
