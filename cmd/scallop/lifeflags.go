package main

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/scallop-sec/scallop/profiler/ready"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// lifeFlags say when workloads that others start are ready, and which signals stop them.
type lifeFlags struct {
	readyHTTP, readyTCP []string
	readyExec           []string
	readyAfter, settle  time.Duration
	stopSignals         []string
}

func (f *lifeFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.readyHTTP, "ready-http", nil, "ready when `URL` answers a GET with a status below 400")
	flags.StringArrayVar(&f.readyTCP, "ready-tcp", nil, "ready when `HOST:PORT` accepts a connection")
	flags.StringArrayVar(&f.readyExec, "ready-exec", nil, "ready when this shell `COMMAND` exits with 0; it is not recorded")
	flags.DurationVar(&f.readyAfter, "ready-after", 0, "ready after `DURATION`")
	flags.DurationVar(&f.settle, "settle", defaultSettle, "ready when no call was seen for the first time for `DURATION`, if nothing else tells; 0 is never")
	flags.StringSliceVar(&f.stopSignals, "stop-signal", nil, "`SIGNAL`s to the leader that begin shutdown (default: as the container is configured, else TERM, INT, QUIT)")
}

func (f *lifeFlags) apply(opts *watch.Options, settleAsked bool) error {
	err := notNegative(map[string]time.Duration{"ready-after": f.readyAfter, "settle": f.settle})
	if err != nil {
		return err
	}
	if len(f.stopSignals) > 0 {
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
	for _, url := range f.readyHTTP {
		check, err := ready.HTTP(url)
		if err != nil {
			return err
		}
		opts.Checks = append(opts.Checks, check)
	}
	for _, address := range f.readyTCP {
		check, err := ready.TCP(address)
		if err != nil {
			return err
		}
		opts.Checks = append(opts.Checks, check)
	}
	for _, command := range f.readyExec {
		if strings.TrimSpace(command) == "" {
			return errors.New("--ready-exec: is empty: give a shell command")
		}
		opts.Checks = append(opts.Checks, ready.Exec(command, nil))
	}
	if f.readyAfter > 0 {
		opts.Checks = append(opts.Checks, ready.After(f.readyAfter))
	}
	if settleAsked || len(opts.Checks) == 0 {
		opts.Settle = f.settle
	}
	return nil
}
