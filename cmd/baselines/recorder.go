package main

import (
	"errors"
	"fmt"
	"maps"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
)

// recorderSource is scallop's own kernel side: it records the cgroup that all containers
// are below as one workload, and every start adds to its handover.
type recorderSource struct {
	recorder *profiler.Recorder
	workload int
	before   handoverCounts
}

func newRecorder(parent *parentCgroup) (*recorderSource, error) {
	r, err := profiler.Open(profiler.Options{Sizes: profiler.SizesFor(1), Containers: true})
	if err != nil {
		return nil, fmt.Errorf("load the recorder: %w", err)
	}
	s := &recorderSource{recorder: r}
	if err := s.start(parent); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return s, nil
}

func (s *recorderSource) start(parent *parentCgroup) error {
	if err := s.recorder.Start(); err != nil {
		return fmt.Errorf("start the recorder: %w", err)
	}
	id, err := parent.ID()
	if err != nil {
		return err
	}
	s.workload, err = s.recorder.AddWorkload(profiler.WorkloadOptions{CgroupID: id, Class: cgroup.Whole, Phase: profiler.PhaseSetup})
	return err
}

func (s *recorderSource) tracer() []string { return nil }

func (s *recorderSource) begin() (err error) {
	s.before, err = s.read()
	return err
}

func (s *recorderSource) end() (handoverCounts, error) {
	counts, err := s.read()
	if err != nil {
		return nil, err
	}
	for nr, n := range s.before {
		counts[nr] -= n
	}
	maps.DeleteFunc(counts, func(_, n int) bool { return n == 0 })
	if len(counts) == 0 {
		return nil, errors.New("the recorder filed no call under handover: the runtime loaded no filter, or did not start the process in its cgroup")
	}
	return counts, nil
}

// read returns all counts so far. A loss could be of any of them, so there must be none;
// events are not looked at here.
func (s *recorderSource) read() (handoverCounts, error) {
	snapshot, err := s.recorder.Snapshot(s.workload)
	if err != nil {
		return nil, err
	}
	for reason, n := range snapshot.Losses {
		if n > 0 && reason != profiler.LossEventsDropped {
			return nil, fmt.Errorf("the recorder lost something (%s: %d): measure again", reason, n)
		}
	}
	counts := handoverCounts{}
	for _, c := range snapshot.Calls {
		if c.Phase == profiler.PhaseHandover && c.ABI == 0 {
			counts[c.Nr] = int(c.Count)
		}
	}
	return counts, nil
}

func (s *recorderSource) method() string {
	return "scallop's recorder, phase handover: every call of a thread that has the filter, up to the execve of the workload"
}

func (s *recorderSource) close() error { return s.recorder.Close() }
