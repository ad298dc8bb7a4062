package main

import (
	"context"
	"errors"

	"github.com/scallop-sec/scallop/profiler"
)

// scallop itself; the loop is recorded or not. One workload as `scallop run` has it, a thousand as
// `scallop record` does, which looks for processes that are moved in, too.
var (
	scallopRecorded      = recorder(profiler.Options{}, justLoop)
	scallopPerf          = recorder(profiler.Options{Probe: profiler.ProbePerf}, justLoop)
	scallopBystander     = recorder(profiler.Options{}, func(g []group) []group { return g[groupOther : groupOther+1] })
	scallopMany          = recorder(profiler.Options{Containers: true}, func(g []group) []group { return g })
	scallopManyBystander = recorder(profiler.Options{Containers: true}, func(g []group) []group { return g[groupLoop+1:] })
)

func justLoop(g []group) []group { return g[groupLoop : groupLoop+1] }

// recorder records the chosen groups, each as a workload in its steady phase.
func recorder(opts profiler.Options, choose func([]group) []group) attachFunc {
	return func(_ context.Context, b *bench) (func() error, error) {
		groups := choose(b.groups)
		opts := opts
		opts.Sizes = profiler.SizesFor(len(groups))
		r, err := profiler.Open(opts)
		if err != nil {
			return nil, err
		}
		if err := record(r, groups); err != nil {
			return nil, errors.Join(err, r.Close())
		}
		return r.Close, nil
	}
}

func record(r *profiler.Recorder, groups []group) error {
	for _, g := range groups {
		if _, err := r.AddWorkload(profiler.WorkloadOptions{CgroupID: g.id, Phase: profiler.PhaseSteady}); err != nil {
			return err
		}
	}
	return r.Start()
}
