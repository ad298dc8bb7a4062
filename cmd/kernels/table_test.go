package main

import (
	"os"
	"strings"
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
	want := `| Linux | machine | exact counts | phases | ABIs told apart | export and enforce |
|---|---|---|---|---|---|
| 5.10.223 | x86_64 | yes | yes | yes | yes |
| 6.12.117 | aarch64 | no | no | yes | no |
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

// The README's table is what the command writes when every pinned kernel has passed; there is none before.
func TestTableOfReadme(t *testing.T) {
	pins, err := parsePins(pinned)
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := kernels(pins, nil)
	if err != nil {
		t.Fatal(err)
	}
	var outcomes []*outcome
	for _, p := range chosen {
		outcomes = append(outcomes, &outcome{Arch: p.Arch, Version: p.Version, Verdict: passed, Guest: guestThatPassed(allOfBars()...)})
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(readme), tableBegin+tableEnd) {
		t.Skip("no run has written the README's table yet: `make test-kernels`")
	}
	want, err := replaceTable(string(readme), table(outcomes))
	if err != nil {
		t.Fatal(err)
	}
	if want != string(readme) {
		t.Errorf("README.md's table is another: run `make test-kernels`, which writes it\n%s", cmp.Diff(strings.Split(want, "\n"), strings.Split(string(readme), "\n")))
	}
}
