package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/scallop-sec/scallop/profiler/control"
	"github.com/scallop-sec/scallop/profiler/ready"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// watchTargets watches what the flags mean, under a name for scallop mark, until it is to end. Errors carry their
// exit code; failure gives it to those of the watch itself.
func watchTargets(e *env, f *targetFlags, name string, opts watch.Options, failure func(watch.Result, error) error) (watch.Result, error) {
	set, err := f.openEngines(e.ctx, opts, f.nameContainers())
	if err != nil {
		return watch.Result{}, err
	}
	if set != nil {
		defer set.Close()
		opts.Engines, opts.EnginesNamed = set, len(f.endpoints) > 0
	}
	server, err := control.Listen(runtimeDir(e), name)
	if err != nil {
		return watch.Result{}, hostError(err)
	}
	defer server.Close()
	defer connectWatch(e.ctx, &opts, server)()
	opts.Log = afterRecording(opts.Log, func() { ready.Tell(e.getenv("NOTIFY_SOCKET")) })
	result, err := watch.Run(e.ctx, opts)
	if err != nil {
		return result, failure(result, err)
	}
	return result, nil
}

// connectWatch gives the watch its signals and marks until the returned function is called.
func connectWatch(ctx context.Context, opts *watch.Options, server *control.Server) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	// A reader of the log that has gone is no reason to stop: without this, writing to it would kill.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	marks := make(chan watch.MarkRequest)
	opts.Signals, opts.Marks = signals, marks
	ctx, cancel := context.WithCancel(ctx)
	go server.Serve(ctx, func(ctx context.Context, r control.Request) error {
		if r.Workload == "" {
			return fmt.Errorf("%s records many workloads: name one, as %s/NAME", server.Name, server.Name)
		}
		answer := make(chan error, 1)
		select {
		case marks <- watch.MarkRequest{Workload: r.Workload, Phase: r.Phase, Answer: answer}:
			err := <-answer
			if errors.Is(err, watch.ErrUnknown) {
				return fmt.Errorf("%w: %w", control.ErrUnknown, err)
			}
			return err
		case <-ctx.Done():
			return errors.New("the recording is just ending: mark earlier")
		}
	})
	return func() {
		signal.Stop(signals)
		cancel()
	}
}
