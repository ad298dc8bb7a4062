package audit

import (
	"fmt"

	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Reasons of losses in a report of audit records.
const (
	LossNoRoom     = "audit_no_room"     // denials of too many kinds
	LossMaybeTwice = "audit_maybe_twice" // more events than can be told apart
	LossUnread     = "audit_unread"      // lines or records that could not be read
	LossSuppressed = "audit_suppressed"  // records that the kernel did not print
	LossMissing    = "audit_missing"     // records that never came
	LossBacklog    = "audit_backlog"     // records that the kernel dropped before it numbered them
	LossOverflow   = "audit_overflow"    // times that records had no room, and nobody knows how many
)

// Lose notes in a report that something is not in it: how much, and what that is.
func Lose(r *report.Report, reason string, n uint64, what string) {
	if n == 0 {
		return
	}
	if r.Losses == nil {
		r.Losses = map[string]uint64{}
	}
	r.Losses[reason] += n
	r.Incomplete = append(r.Incomplete, fmt.Sprintf("%d %s", n, what))
	r.Complete = false
}

// Account notes what a log, by the name it is shown under, does not tell.
func (s *Stats) Account(r *report.Report, log string) {
	what := "lines of " + log + " could not be read"
	if len(s.Examples) > 0 {
		e := s.Examples[0]
		what += fmt.Sprintf(", such as line %d: %s: %s", e.Line, e.Why, recording.CleanString(e.Text))
	}
	Lose(r, LossUnread, s.Unread, what)
	Lose(r, LossSuppressed, s.Suppressed, "records are not in "+log+": the kernel printed too many at once")
	Lose(r, LossMissing, s.Lost, "records are not in "+log+": the kernel says that it lost them")
}
