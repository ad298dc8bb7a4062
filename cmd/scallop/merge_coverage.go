package main

import (
	"fmt"

	"github.com/scallop-sec/scallop/exporter/completeness"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// exportCoverage says how much of the exported phases the recordings are likely to have seen: in all, and
// in steady, where more is found the longer one looks. Less than the least is a finding.
func exportCoverage(recs []*recording.Recording, phases []string, least float64) ([]string, error) {
	rec, err := recording.Merge(recs)
	if err != nil {
		if least > 0 {
			return nil, usageError(fmt.Errorf("--min-coverage: %w", err))
		}
		return []string{fmt.Sprintf("warning: coverage is not known: %v", err)}, nil
	}
	report := completeness.Of(rec, phases)
	if coverage, of := report.Lowest(); coverage < least {
		return nil, &exitError{exitFinding, fmt.Errorf("the coverage of %s is %s, below --min-coverage %v: record longer, or more runs",
			of, completeness.Percent(coverage), least)}
	}
	lines := []string{report.All.Line()}
	for i := range report.Phases {
		if f := &report.Phases[i]; f.Phase == recording.PhaseSteady && len(report.Phases) > 1 {
			lines = append(lines, f.Line())
		}
	}
	return lines, nil
}
