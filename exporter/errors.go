package exporter

import "fmt"

// IncompleteError refuses a recording that does not hold every call.
type IncompleteError struct {
	Workload string
	Why      string // the first reason, a sentence
}

func (e *IncompleteError) Error() string {
	return fmt.Sprintf("the recording of %s is incomplete (%s): a profile from it would miss calls: record again, or accept that with --allow-incomplete",
		e.Workload, e.Why)
}
