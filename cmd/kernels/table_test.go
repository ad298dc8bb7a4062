package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func guestThatPassed(names ...string) *guestResult {
	r := &guestResult{}
	for _, name := range names {
		r.Tests = append(r.Tests, testResult{Name: name, Outcome: passed})
	}
	return r
}

func allOfBars() (names []string) {
	for _, b := range bars {
		names = append(names, b.Tests...)
	}
	return names
}

func TestTable(t *testing.T) {
	got := table([]*outcome{
		{Arch: "amd64", Version: "5.10.223-1", Verdict: passed, Guest: guestThatPassed(allOfBars()...)},
		{Arch: "arm64", Version: "6.12.117-1", Verdict: failed, Guest: guestThatPassed("TestABIs")},
	})
	want := `| Linux | machine | exact counts | phases | ABIs told apart | export and enforce | all tests |
|---|---|---|---|---|---|---|
| 5.10.223 | x86_64 | yes | yes | yes | yes | yes |
| 6.12.117 | aarch64 | no | no | yes | no | no |
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReplaceTable(t *testing.T) {
	text := "before\n" + tableBegin + "old\n" + tableEnd + "after\n"
	got, err := replaceTable(text, "new\n")
	if want := "before\n" + tableBegin + "\nnew\n\n" + tableEnd + "after\n"; err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
	if again, err := replaceTable(got, "new\n"); err != nil || again != got {
		t.Errorf("it does not stay: %q, %v", again, err)
	}
	for _, bad := range []string{"", tableBegin, tableEnd + tableBegin} {
		if _, err := replaceTable(bad, "new\n"); err == nil {
			t.Errorf("%q has a place for the table", bad)
		}
	}
}
