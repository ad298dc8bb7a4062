package session

import (
	"errors"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/confine"
	"github.com/scallop-sec/scallop/profiler/denials"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Outcome is what a command did under its filter.
type Outcome struct {
	Recording *recording.Recording // nil if the command was not started
	Denials   []Denied             // by the time of the first one
	Judged    []Judged             // of Options.Judges
	Losses    map[string]uint64    // of the watch for denials, by reason
}

// Denied is a denial with the words of this session.
type Denied struct {
	denials.Denial
	Phase    string
	Exe      string // empty: not known
	OffsetNs int64  // of the first one, from the start
}

// Judged are calls whose arguments decide, which were made.
type Judged struct {
	denials.Judged
	Phase string
	First recording.FirstCall
}

// watchDenials begins before there is anybody to watch, and before the recorder: what a task that ends belongs to is asked
// before the recorder forgets it.
func (s *session) watchDenials() error {
	var err error
	s.denials, err = denials.Open(denials.Options{Recorder: s.recorder, Probe: s.opts.Probe, Types: s.opts.Types, Judges: s.opts.Judges})
	if err != nil {
		return err
	}
	return s.denials.Start()
}

// outcome reads everything for the last time.
func (s *session) outcome() (*Outcome, error) {
	r, err := s.finish()
	if err != nil {
		return nil, err
	}
	o := &Outcome{Recording: r}
	return o, s.addDenials(o)
}

// stillborn is the outcome of a command whose execve failed, perhaps because the filter denies it.
func (s *session) stillborn(err error) (*Outcome, error) {
	if step := (*confine.StepError)(nil); s.denials == nil || !errors.As(err, &step) || !step.OfExecve() {
		return nil, err
	}
	o := &Outcome{}
	return o, errors.Join(err, s.addDenials(o))
}

func (s *session) addDenials(o *Outcome) error {
	if s.denials == nil {
		return nil
	}
	seen, err := s.denials.Snapshot()
	if err != nil {
		return err
	}
	calls, err := s.recorder.Snapshot(s.number)
	if err != nil {
		return err
	}
	o.Losses = seen.Losses
	o.Losses[profiler.LossCgroupsFull] = calls.Losses[profiler.LossCgroupsFull]
	for _, d := range seen.Of(s.number) {
		o.Denials = append(o.Denials, Denied{
			Denial:   d,
			Phase:    s.life.PhaseName(d.Phase),
			Exe:      recording.CleanString(calls.Exes[d.First.Exe]),
			OffsetNs: s.offset(d.First.Time),
		})
	}
	for _, j := range seen.Judged {
		o.Judged = append(o.Judged, Judged{Judged: j, Phase: s.life.PhaseName(j.Phase), First: s.firstOf(calls, j)})
	}
	return nil
}

func (s *session) offset(at int64) int64 { return max(0, at-s.life.Start) }

// firstOf is who made such a call first, whatever its arguments.
func (s *session) firstOf(calls *profiler.Snapshot, j denials.Judged) recording.FirstCall {
	for _, c := range calls.Calls {
		if c.Phase == j.Phase && profiler.ABI(c.ABI) == j.ABI && c.Nr == j.Nr {
			return recording.FirstCall{
				OffsetNs: s.offset(c.First.Time),
				Comm:     recording.CleanString(c.First.Comm),
				Exe:      recording.CleanString(calls.Exes[c.First.Exe]),
				PID:      c.First.PID,
				TID:      c.First.TID,
			}
		}
	}
	return recording.FirstCall{}
}
