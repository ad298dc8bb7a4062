package main

import (
	"errors"

	"github.com/spf13/pflag"

	"github.com/scallop-sec/scallop/profiler/watch"
)

// lifeFlags say when workloads that others start are ready, and which signals stop them.
type lifeFlags struct {
	readyFlags
	stopSignals []string
}

func (f *lifeFlags) add(flags *pflag.FlagSet) {
	f.readyFlags.addTo(flags)
	flags.StringSliceVar(&f.stopSignals, "stop-signal", nil, "`SIGNAL`s to the leader that begin shutdown (default: as the container is configured, else TERM, INT, QUIT)")
}

func (f *lifeFlags) apply(opts *watch.Options, settleAsked bool) error {
	if len(f.stopSignals) > 0 {
		var err error
		if opts.StopSignals, err = parseSignals(f.stopSignals); err != nil {
			return err
		}
	}
	return f.readiness(opts, settleAsked)
}

// readiness collects the checks. What is looked at from outside can tell of one workload only.
func (f *lifeFlags) readiness(opts *watch.Options, settleAsked bool) error {
	outside := len(f.readyHTTP) + len(f.readyTCP) + len(f.readyExec)
	if outside > 0 && (len(opts.Targets) != 1 || !opts.Targets[0].One()) {
		return errors.New("--ready-http, --ready-tcp and --ready-exec tell of one workload: name exactly one target, without globs")
	}
	var err error
	if opts.Checks, err = f.checks(nil); err != nil {
		return err
	}
	opts.Settle = f.settling(settleAsked, opts.Checks)
	return nil
}
