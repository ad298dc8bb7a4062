package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Results of several runs make one table, if they are of the same commit and the same tests.
func TestMerge(t *testing.T) {
	pins := []pin{{Name: "5.10", Version: "5.10.1-1"}, {Name: "6.1", Version: "6.1.1-1"}, {Name: "7.2", Version: "7.2.1-1"}}
	result := func(kernel, commit, run, verdict string) *outcome {
		return &outcome{Kernel: kernel, Version: kernel + ".1-1", Commit: commit, Run: run, Verdict: verdict}
	}
	now := []*outcome{result("6.1", "c1", "", passed)}
	for name, test := range map[string]struct {
		before []*outcome
		want   []string
	}{
		"first run":     {nil, []string{"6.1"}},
		"put together":  {[]*outcome{result("7.2", "c1", "", passed), result("5.10", "c1", "", failed)}, []string{"5.10", "6.1", "7.2"}},
		"again":         {[]*outcome{result("6.1", "c1", "", failed)}, []string{"6.1"}},
		"older commit":  {[]*outcome{result("7.2", "c0", "", passed)}, []string{"6.1"}},
		"changed tree":  {[]*outcome{result("7.2", "c1-dirty", "", passed)}, []string{"6.1"}},
		"some tests":    {[]*outcome{result("7.2", "c1", "TestABIs", passed)}, []string{"6.1"}},
		"older version": {[]*outcome{{Kernel: "7.2", Version: "7.2.0-1", Commit: "c1"}}, []string{"6.1"}},
	} {
		var got []string
		for _, o := range merge(pins, test.before, now) {
			got = append(got, o.Kernel)
			if o.Kernel == "6.1" && o != now[0] {
				t.Errorf("%s: the older result of 6.1 won", name)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestResultsAreRead(t *testing.T) {
	dir := t.TempDir()
	if got, err := readResults(dir); got != nil || err != nil {
		t.Errorf("of nothing: %v, %v", got, err)
	}
	want := []*outcome{{Kernel: "6.1", Arch: "amd64", Commit: "c1", Verdict: failed, Guest: parseConsole(console(t, "console.txt"))}}
	if err := writeResults(dir, want); err != nil {
		t.Fatal(err)
	}
	got, err := readResults(dir)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(outcome{})); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	if err := os.WriteFile(filepath.Join(dir, resultsFile), []byte("["), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := readResults(dir); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("of half a file: %v", err)
	}
}

func TestAllPassed(t *testing.T) {
	pins := []pin{{Name: "5.10", Package: "linux-image"}, {Name: "6.1", Package: "linux-image"}, {Name: busybox, Package: "busybox-static"}}
	both := []*outcome{{Verdict: passed}, {Verdict: passed}}
	if !allPassed(pins, both) {
		t.Error("both have passed")
	}
	if allPassed(pins, both[:1]) {
		t.Error("one is missing")
	}
	both[1].Verdict = skipped
	if allPassed(pins, both) {
		t.Error("one could not be fetched")
	}
}
