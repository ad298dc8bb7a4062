package gate

import (
	"fmt"

	"github.com/scallop-sec/scallop/exporter/completeness"
)

// Coverage is an estimate of how much of one workload's calls was seen, over all its recordings.
type Coverage struct {
	Workload string
	Share    float64 // 0 to 1: the lowest figure that a gate should look at
	Of       string  // which one that is
	Text     string  // a line for people
}

// Coverage estimates each workload on its own, by name.
func (e *Evidence) Coverage(phases []string) ([]Coverage, error) {
	var list []Coverage
	for _, name := range e.Workloads() {
		rec, err := e.merged[name].Recording()
		if err != nil {
			return nil, fmt.Errorf("merge the recordings of %s: %w", name, err)
		}
		report := completeness.Of(rec, phases)
		c := Coverage{Workload: name, Text: report.All.Line()}
		c.Share, c.Of = report.Lowest()
		list = append(list, c)
	}
	return list, nil
}

// coverage holds each estimate against what is demanded.
func (r *Result) coverage(e *Evidence, opts Options) error {
	var err error
	if r.Coverage, err = e.Coverage(opts.Phases); err != nil {
		return err
	}
	for _, c := range r.Coverage {
		if c.Share >= opts.MinCoverage {
			continue
		}
		r.Findings = append(r.Findings, Finding{
			Kind: Shallow, Level: Error, Subject: c.Workload,
			Text: fmt.Sprintf("coverage of %s is %s (%s), less than the %s that is demanded: %s",
				c.Workload, completeness.Percent(c.Share), c.Of, completeness.Percent(opts.MinCoverage), c.Text),
			Next: "record longer, or more of what the workload does, and give all recordings",
		})
	}
	return nil
}
