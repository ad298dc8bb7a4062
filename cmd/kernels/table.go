package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// bar is what a kernel has to show, and the tests that show it.
type bar struct {
	Title string
	Tests []string
}

var bars = []bar{
	{"exact counts", []string{"TestExactThreads", "TestExactProcesses", "TestExactLosses", "TestExactWithoutShortcut", "TestNumbersOutOfTables"}},
	{"phases", []string{"TestPhasesAreExact"}},
	{"ABIs told apart", []string{"TestABIs"}},
	{"export and enforce", []string{"TestExportAndEnforce", "TestExportAndEnforce32"}},
}

// verdict: a test that did not run fails its bar.
func (b bar) verdict(r *guestResult) string {
	for _, name := range b.Tests {
		if !slices.ContainsFunc(r.Tests, func(t testResult) bool { return t.Name == name && t.Outcome == passed }) {
			return "no"
		}
	}
	return "yes"
}

// table is the README's: no figures that another run would give otherwise.
func table(outcomes []*outcome) string {
	var b strings.Builder
	b.WriteString("| Linux | machine |")
	for _, bar := range bars {
		fmt.Fprintf(&b, " %s |", bar.Title)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(bars)) + "\n")
	for _, o := range outcomes {
		fmt.Fprintf(&b, "| %s | %s |", upstream(o.Version), machines[o.Arch].Name)
		for _, bar := range bars {
			fmt.Fprintf(&b, " %s |", bar.verdict(o.Guest))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// upstream is a Debian version without Debian's own part.
func upstream(version string) string {
	release, _, _ := strings.Cut(version, "-")
	return release
}

// What stands around the table.
const (
	tableBegin = "<!-- written by make test-kernels -->\n"
	tableEnd   = "<!-- end -->\n"
)

// replaceTable puts the table between its marks.
func replaceTable(text, table string) (string, error) {
	before, rest, ok := strings.Cut(text, tableBegin)
	_, after, ended := strings.Cut(rest, tableEnd)
	if !ok || !ended {
		return "", fmt.Errorf("no place for the table: it goes between %q and %q", strings.TrimSpace(tableBegin), strings.TrimSpace(tableEnd))
	}
	return before + tableBegin + "\n" + table + "\n" + tableEnd + after, nil
}

// writeTable puts the outcomes into a document.
func writeTable(path string, outcomes []*outcome) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, err := replaceTable(string(data), table(outcomes))
	if err != nil || text == string(data) {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
