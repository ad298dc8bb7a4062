package main

import (
	"context"
	"errors"

	"github.com/scallop-sec/scallop/profiler"
)

// scallop itself; the loop is recorded or not. One workload as `scallop run` has it, a thousand as
// `scallop record` does, which looks for processes that are moved in, too.
var (
	scallopRecorded      = recorder(false, func(g []group) []group { return g[groupLoop : groupLoop+1] })
	scallopBystander     = recorder(false, func(g []group) []group { return g[groupOther : groupOther+1] })
	scallopMany          = recorder(true, func(g []group) []group { return g })
	scallopManyBystander = recorder(true, func(g []group) []group { return g[groupLoop+1:] })
)

// recorder records the chosen groups, each as a workload in its steady phase.
func recorder(containers bool, choose func([]group) []group) attachFunc {
	return func(_ context.Context, b *bench) (func() error, error) {
		groups := choose(b.groups)
		r, err := profiler.Open(profiler.Options{Sizes: profiler.SizesFor(len(groups)), Containers: containers})
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
