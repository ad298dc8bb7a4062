package main

import (
	"errors"
	"fmt"

	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// merging collects what is merged: recordings or denial reports, not both.
type merging struct {
	recordings *recording.Merger
	reports    []*report.Report
}

func (m *merging) add(path string, d decoded) error {
	switch {
	case d.err != nil:
		return d.err
	case d.denials != nil && m.recordings != nil, d.rec != nil && m.reports != nil:
		return usageError(fmt.Errorf("%s: recordings and denial reports do not merge into one file: merge each kind alone; scallop check takes both", clean(path)))
	case d.denials != nil:
		m.reports = append(m.reports, d.denials)
		return nil
	}
	if m.recordings == nil {
		m.recordings = recording.NewMerger()
	}
	if err := m.recordings.Add(d.rec); err != nil {
		return usageError(fmt.Errorf("%s: %w", clean(path), err))
	}
	return nil
}

// writeMergedReports writes one denial report of many.
func writeMergedReports(e *env, reports []*report.Report, output string) error {
	r, err := report.Merge(reports...)
	if err != nil {
		return usageError(fmt.Errorf("merge: %w", err))
	}
	data, err := report.Encode(r)
	if err != nil {
		return usageError(err)
	}
	if err := writeOutput(e, output, data); err != nil {
		return err
	}
	var denied uint64
	for _, w := range r.Workloads {
		for _, d := range w.Denials {
			denied += d.Count
		}
	}
	fmt.Fprintf(e.stderr, "scallop: merged %s: %s to %s\n", plural(max(1, len(r.Parts)), "denial report"), plural(denied, "denial"), plural(len(r.Workloads), "workload"))
	if !r.Complete {
		return incompleteError(errors.New("the merged report was written, but is incomplete (" + clean(r.Incomplete[0]) + "): not everything that was denied may be in it"))
	}
	return nil
}
