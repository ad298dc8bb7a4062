package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReport(t *testing.T) {
	for name, test := range map[string]struct {
		outcome outcome
		verbose bool
		want    string
	}{
		"failed": {outcome{Kernel: "6.1", Arch: "amd64", Version: "6.1.176-1", Seconds: 61.4, Verdict: failed, Guest: parseConsole(console(t, "console.txt")), console: "x"}, false,
			"--- FAIL: kernel/6.1/profiler/session.TestABIs (1.20s)\n" +
				"        abi_test.go:51: counted 0 getpid, the program made 200\n" +
				"        --- FAIL: TestABIs/32-bit_program_tp_btf (0.60s)\n" +
				"--- FAIL: kernel/6.1\n" +
				"    profiler/session exited with code 1\n" +
				"    profiler/denials did not come to its end\n" +
				"    profiler/watch did not come to its end\n" +
				"    cmd/scallop did not come to its end\n" +
				"    cmd/scallop/verify_test did not come to its end\n" +
				"    cmd/scallop/layout_test did not come to its end\n" +
				"FAIL\tkernel/6.1\t61s\n"},
		"verbose": {outcome{Kernel: "6.1", Arch: "amd64", Version: "6.1.176-1", Seconds: 61.4, Verdict: passed,
			Guest: &guestResult{Machine: "x86_64", Tests: []testResult{
				{Package: "profiler", Name: "TestABIs", Outcome: passed, Seconds: 1},
				{Package: "profiler", Name: "TestTraced", Outcome: skipped, Output: []string{"    lacks strace"}}}}}, true,
			"--- PASS: kernel/6.1/profiler.TestABIs (1.00s)\n--- SKIP: kernel/6.1/profiler.TestTraced (0.00s)\n        lacks strace\n" +
				"ok  \tkernel/6.1\t61s\t(Linux 6.1.176-1, x86_64; 1 passed, 1 skipped)\n"},
		"brief": {outcome{Kernel: "6.1", Arch: "amd64", Version: "6.1.176-1", Seconds: 61.4, Verdict: passed,
			Guest: &guestResult{Machine: "x86_64", Tests: []testResult{{Outcome: passed}, {Outcome: skipped}}}}, false,
			"ok  \tkernel/6.1\t61s\t(Linux 6.1.176-1, x86_64; 1 passed, 1 skipped)\n"},
		"not fetched": {outcome{Kernel: "7.2", Verdict: skipped, Error: "left the archive:\nline"}, false,
			"--- SKIP: kernel/7.2\n    left the archive:\n    line\nskip\tkernel/7.2\n"},
		"panic": {outcome{Kernel: "5.10", Seconds: 13, Verdict: failed, Guest: parseConsole(console(t, "panic.txt")), console: "one\ntwo\x1b[31m\n"}, false,
			"--- FAIL: kernel/5.10\n" +
				"    profiler did not come to its end\n    profiler/session did not come to its end\n    profiler/denials did not come to its end\n" +
				"    profiler/watch did not come to its end\n" +
				"    cmd/scallop did not come to its end\n" +
				"    cmd/scallop/verify_test did not come to its end\n" +
				"    cmd/scallop/layout_test did not come to its end\n" +
				"    [   12.345678] BUG: unable to handle page fault for address: ffffffffc0000000\n" +
				"    [   12.345679] Call Trace:\n    [   12.345680] Kernel panic - not syncing: Fatal exception\n" +
				"    the console's last lines:\n    one\n    two\\x1b[31m\nFAIL\tkernel/5.10\t13s\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			test.outcome.report(&b, test.verbose)
			if diff := cmp.Diff(test.want, b.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
