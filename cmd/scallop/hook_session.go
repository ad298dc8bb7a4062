package main

import (
	"context"
	"errors"
	"os"
	"syscall"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/hook"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// recordContainer records the container of the job until it is gone or ctx ends. ready is called once nothing can be
// missed; its error ends all.
func recordContainer(ctx context.Context, job *hookJob, log *hookLog, ready func() error) (*recording.Recording, error) {
	mount, err := cgroup.FindMount()
	if err != nil {
		return nil, hostError(err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan os.Signal, 1)
	opts := job.watchOptions(log)
	opts.Signals = ended
	opts.Log = func(e watch.Event) {
		if e.Kind != watch.EventRecording {
			return
		}
		if err := ready(); err != nil {
			cancel(err)
			return
		}
		go func() {
			// A runtime may keep the cgroup until somebody deletes the container.
			_ = (&cgroup.Cgroup{Mount: mount, Path: job.Cgroup}).WaitEmpty(ctx)
			ended <- syscall.SIGTERM
		}()
	}
	var rec *recording.Recording
	opts.Save = func(_ watch.Filename, r *recording.Recording, _ bool) (string, error) {
		rec = r
		return job.Request.Output, nil
	}
	if _, err = watch.Run(ctx, opts); err != nil {
		return nil, hostError(err)
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return nil, cause // of ready
	}
	if rec == nil {
		return nil, errNotStarted
	}
	job.identify(rec)
	return rec, nil
}

// watchOptions: the container's cgroup, and no look at any other.
func (j *hookJob) watchOptions(log *hookLog) watch.Options {
	return watch.Options{
		Tool:        version,
		Sizes:       profiler.SizesFor(1),
		Targets:     []watch.Target{{Kind: watch.Cgroup, Text: j.Cgroup, Fresh: true}},
		Root:        j.Cgroup,
		Settle:      defaultSettle,
		StopSignals: hook.StopSignals(&j.State),
		Warn:        log.warning,
	}
}

// identify adds what the runtime said of the container.
func (j *hookJob) identify(rec *recording.Recording) {
	rec.Workload.Kind = recording.KindContainer
	rec.Workload.Name = hook.Name(&j.State)
	rec.Workload.Container = hook.Container(&j.State)
	rec.Workload.Container.Runtime = j.Runtime
}
