package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/control"
	"github.com/scallop-sec/scallop/profiler/launch"
	"github.com/scallop-sec/scallop/profiler/ready"
	"github.com/scallop-sec/scallop/profiler/session"
)

// runFlags are the flags of `scallop run`, as typed.
type runFlags struct {
	output, name string
	user, chdir  string
	env          []string
	readyFlags
	readyLog            []string
	noNotify            bool
	stopSignals         []string
	stopTimeout         time.Duration
	duration, stopAfter time.Duration
	checkpoint          time.Duration
	maxCalls            int
	probe               string
	btf                 btfFlag
	quiet, passthrough  bool
}

// maxMaxCalls is the number of counters that the kernel side can tell apart.
const maxMaxCalls = 1<<16 - 1

func addRunFlags(flags *pflag.FlagSet, f *runFlags) {
	flags.SetInterspersed(false) // flags behind CMD are the command's
	flags.StringVarP(&f.output, "output-file", "o", "", "write the recording to `FILE` (default NAME.recording.json)")
	flags.StringVar(&f.name, "name", "", "`NAME` of the workload, for the recording and scallop mark (default: the command's)")
	flags.StringVarP(&f.user, "user", "u", "", "run the command as `USER[:GROUP]`, names or numbers")
	flags.StringVarP(&f.chdir, "chdir", "C", "", "run the command in `DIR`")
	flags.StringArrayVarP(&f.env, "env", "e", nil, "set `KEY=VALUE` for the command, or pass KEY on; repeatable")
	f.readyFlags.addTo(flags)
	flags.StringArrayVar(&f.readyLog, "ready-log", nil, "ready when a line of output matches `REGEXP`; output then goes through a pipe")
	flags.BoolVar(&f.noNotify, "no-notify", false, "do not set NOTIFY_SOCKET for the command")
	flags.StringSliceVar(&f.stopSignals, "stop-signal", []string{"TERM", "INT", "QUIT"}, "`SIGNAL`s to the command that begin shutdown; scallop sends the first")
	flags.DurationVar(&f.stopTimeout, "stop-timeout", 10*time.Second, "kill what has not stopped `DURATION` after the stop signal")
	flags.DurationVar(&f.duration, "duration", 0, "stop the command `DURATION` after its start")
	flags.DurationVar(&f.stopAfter, "stop-after", 0, "stop the command `DURATION` after it is ready")
	flags.DurationVar(&f.checkpoint, "checkpoint", 10*time.Second, "write the recording so far every `INTERVAL`; 0 is never")
	flags.IntVar(&f.maxCalls, "max-calls", 0, "room for `N` different calls by phase; more are counted as lost (default 2298)")
	flags.StringVar(&f.probe, "probe", "", "attach as tp_btf, raw_tracepoint or tracepoint (default: the best of this kernel)")
	flags.Var(&f.btf, "btf", btfUsage)
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print errors and warnings only")
	flags.BoolVar(&f.passthrough, "passthrough-exit", false, "exit with the command's own code (128+N after signal N)")
	_ = flags.MarkHidden("probe")
	_ = flags.MarkHidden("max-calls")
}

// options checks every flag before anything is started.
func (f *runFlags) options(e *env, flags *pflag.FlagSet, args []string) (session.Options, error) {
	name, err := f.workloadName(args)
	if err != nil {
		return session.Options{}, err
	}
	opts := session.Options{
		Name:        name,
		Tool:        version,
		Probe:       f.probe,
		Types:       f.btf.types,
		Sizes:       profiler.SizesFor(1),
		Notify:      !f.noNotify,
		StopTimeout: f.stopTimeout,
		Duration:    f.duration,
		StopAfter:   f.stopAfter,
		Checkpoint:  f.checkpoint,
		Launch: launch.Options{
			Args:   args,
			Env:    f.environment(e.environ),
			Dir:    f.chdir,
			Stdin:  e.stdin,
			Stdout: e.stdout,
			Stderr: e.stderr,
		},
	}
	if err := f.checkValues(flags); err != nil {
		return opts, err
	}
	if f.maxCalls > 0 {
		opts.Sizes.Calls = f.maxCalls
	}
	if f.user != "" {
		if opts.Launch.User, err = launch.ParseUser(f.user); err != nil {
			return opts, err
		}
	}
	if opts.StopSignals, err = parseSignals(f.stopSignals); err != nil {
		return opts, err
	}
	if err := f.checkDurations(); err != nil {
		return opts, err
	}
	return opts, f.readiness(e, &opts, flags.Changed("settle"))
}

// checkValues finds what a script's unset variable makes of a flag, most of all
// --user "$USER_NAME", which must not mean root.
func (f *runFlags) checkValues(flags *pflag.FlagSet) error {
	if err := notEmpty(flags, "output-file", "name", "user", "chdir"); err != nil {
		return err
	}
	for _, entry := range f.env {
		if key, _, _ := strings.Cut(entry, "="); key == "" {
			return fmt.Errorf("--env %q: has no name: write it as KEY=VALUE", entry)
		}
	}
	if f.maxCalls < 0 || f.maxCalls > maxMaxCalls {
		return fmt.Errorf("--max-calls %d: give 1 to %d", f.maxCalls, maxMaxCalls)
	}
	if f.probe != "" {
		return oneOf("--probe", f.probe, []string{profiler.ProbeTpBTF, profiler.ProbeRaw, profiler.ProbePerf})
	}
	return nil
}

func (f *runFlags) checkDurations() error {
	return notNegative(map[string]time.Duration{
		"stop-timeout": f.stopTimeout, "duration": f.duration, "stop-after": f.stopAfter, "checkpoint": f.checkpoint,
	})
}

// readiness collects the checks.
func (f *runFlags) readiness(e *env, opts *session.Options, settleAsked bool) error {
	var err error
	if opts.Checks, err = f.checks(e.environ); err != nil {
		return err
	}
	for _, expression := range f.readyLog {
		log, err := ready.NewLog(expression)
		if err != nil {
			return err
		}
		opts.Launch.Stdout = log.Tee(opts.Launch.Stdout)
		opts.Launch.Stderr = log.Tee(opts.Launch.Stderr)
		opts.Checks = append(opts.Checks, log.Check())
	}
	opts.Settle = f.settling(settleAsked, opts.Checks)
	return nil
}

func (f *runFlags) workloadName(args []string) (string, error) {
	if f.name != "" {
		return f.name, control.CheckName(f.name)
	}
	name := strings.Map(func(r rune) rune {
		if control.CheckName("x"+string(r)) == nil {
			return r
		}
		return '_'
	}, filepath.Base(args[0]))
	name = strings.TrimLeft(name, "._-")
	name = name[:min(len(name), 64)]
	if name == "" {
		return "command", nil
	}
	return name, nil
}

func (f *runFlags) outputPath(name string) string {
	if f.output != "" {
		return f.output
	}
	return name + ".recording.json"
}

// environment is scallop's own with the --env entries over it.
func (f *runFlags) environment(own []string) []string {
	env := slices.Clone(own)
	for _, entry := range f.env {
		if strings.Contains(entry, "=") {
			env = append(env, entry)
		}
		// A lone KEY is passed on, which it is anyway.
	}
	return env
}

func parseSignals(names []string) ([]syscall.Signal, error) {
	var signals []syscall.Signal
	for _, name := range names {
		name = strings.ToUpper(strings.TrimSpace(name))
		s := unix.SignalNum("SIG" + strings.TrimPrefix(name, "SIG"))
		if s == 0 {
			return nil, fmt.Errorf("--stop-signal %q: no such signal: use names as TERM, INT, QUIT, HUP, USR1", name)
		}
		if s == syscall.SIGKILL || s == syscall.SIGSTOP {
			return nil, fmt.Errorf("--stop-signal %q: cannot be handled by any process: name one that stops the command in order", name)
		}
		signals = append(signals, s)
	}
	if len(signals) == 0 {
		return nil, errors.New("--stop-signal: is empty: name at least one signal")
	}
	return signals, nil
}
