package main

import (
	"context"
	"errors"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/denials"
)

// scallop denials: of a thousand cgroups, the loop's among them or not, with the recorder beside it that counts no calls.
var (
	denialsWhole     = watcher(func(g []group) []group { return g })
	denialsBystander = watcher(func(g []group) []group { return g[groupLoop+1:] })
)

func watcher(choose func([]group) []group) attachFunc {
	return func(_ context.Context, b *bench) (func() error, error) {
		groups := choose(b.groups)
		opts := profiler.Options{Sizes: profiler.SizesFor(len(groups)), Containers: true, Uncounted: true}
		opts.Sizes.Calls = 1
		r, err := profiler.Open(opts)
		if err != nil {
			return nil, err
		}
		w, err := denials.Open(denials.Options{Recorder: r})
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		detach := func() error {
			w.Close()
			return r.Close()
		}
		if err := errors.Join(w.Start(), record(r, groups), w.Seed()); err != nil {
			return nil, errors.Join(err, detach())
		}
		return detach, nil
	}
}
