package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scallop-sec/scallop/profiler/denials/live"
	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/watch"
)

func newDenialsCmd(e *env) *cobra.Command {
	f := &denialsFlags{}
	cmd := &cobra.Command{
		Use:   "denials [flags] TARGET…|--audit FILE…",
		Short: "Tell what seccomp filters deny to containers, units, cgroups, PIDs or the whole host",
		Long: `Tell of every call that a seccomp filter denies to workloads that others start, as it happens: which call, how often,
in which phase, who made it, and what it got. No audit daemon is needed, no SCMP_ACT_LOG, and no change to the
workloads.

Targets are those of scallop record: flags, repeatable and mixed. With --wait, and for everything new with --all, a workload is
watched from the birth of its cgroup, so that a container that does not even start can be explained.

On a terminal, a line tells of each kind of denial as it occurs; at the end there is a table. With --output json, each line on
standard output is an object. -o FILE writes a denial report, which scallop check takes.

--audit reads audit records: auditd's logs, the kernel's (dmesg, /var/log/messages), journalctl's (text or JSON), rotated and
gzip; - is standard input. --audit --follow hears them from the kernel, with or without auditd. A filter's kills are
always there; what it answers with an errno only if it was loaded with SECCOMP_FILTER_FLAG_LOG.

--profile P says of each denied call why P lacks it: the runtime's (missing handover), another C library's way (missing sibling), in a
recording that --recording names but not exported, or never seen anywhere, which is suspicious. --propose FILE writes P
with what was denied, and shows the difference; dangerous calls are left out unless --accept NAME is given.

With --would PROFILE nothing is denied: what the workloads call is counted as by scallop record, at its cost, and each call
that PROFILE would deny is told of when it is first seen, with counts at the end. What a profile decides by arguments is
listed apart: a recorder does not see them.

Watching ends when all that was named has ended, after --duration, or at Ctrl-C (or SIGTERM).

Exit codes: 0 nothing was denied; 1 something was; 2 usage or bad input; 3 this host cannot do it; 4 nothing was seen to be denied, but
something was missed.`,
		Example: `  scallop denials --container web
  scallop denials --container web --wait --args --stack    and then: docker run --name web …
  scallop denials --audit /var/log/audit/audit.log*
  journalctl -k -o json | scallop denials --audit --profile web.json --recording web-run.json --propose web2.json -
  scallop denials --container web --would web-seccomp.json --duration 10m
  scallop denials --all --duration 1h --output json -o denials.json`,
		RunE: func(_ *cobra.Command, args []string) error { return runDenials(e, f, args) },
	}
	addDenialsFlags(cmd, f)
	return cmd
}

func runDenials(e *env, f *denialsFlags, logs []string) error {
	err := f.check()
	if err == nil {
		err = f.checkAudit(logs)
	}
	if err != nil {
		return usageError(err)
	}
	if f.would != "" {
		return runWould(e, f)
	}
	judge, err := f.judgeFlags.open(e, slices.Contains(logs, "-"))
	if err != nil {
		return err
	}
	r, missing, err := f.report(e, logs)
	if err != nil {
		return err
	}
	if err := f.finish(e, r, judge); err != nil {
		return err
	}
	if missing > 0 {
		return usageError(fmt.Errorf("%s not found: see the warnings", plural(missing, "target")))
	}
	return nil
}

// report is of what is live, of logs, or of what the kernel tells; missing is how many targets were not found.
func (f *denialsFlags) report(e *env, logs []string) (r *report.Report, missing int, err error) {
	switch {
	case f.follow:
		r, err = followAudit(e, f)
		return r, 0, err
	case f.audit:
		r, err = readAudit(e, f, logs)
		return r, 0, err
	}
	opts, err := f.options()
	if err != nil {
		return nil, 0, usageError(err)
	}
	return watchDenials(e, f, opts)
}

// watchDenials watches live until it is to end; missing is how many targets were not found.
func watchDenials(e *env, f *denialsFlags, opts watch.Options) (r *report.Report, missing int, err error) {
	log := newDenialsLog(e, f)
	opts.Warn = func(format string, args ...any) { warn(e, format, args...) }
	beside := live.New(live.Options{Tool: version, Probe: f.probe, Types: f.btf.types, Args: f.args, Stacks: f.stack, Log: log.denied, Warn: opts.Warn})
	opts.Log, opts.Beside = log.watched, beside
	result, err := watchTargets(e, &f.targetFlags, fmt.Sprintf("denials-%d", os.Getpid()), opts, denialsFailure)
	if err != nil {
		return nil, 0, err
	}
	if r, err = beside.Report(); err != nil {
		return nil, 0, hostError(err)
	}
	return r, len(result.Missing), nil
}

// denialsFailure tells what the user named wrongly from what the host cannot do.
func denialsFailure(result watch.Result, err error) error {
	if len(result.Missing) > 0 {
		// Each was a warning already; the last word is a short one.
		return usageError(errors.New("no target was found: name others, or wait for them with --wait"))
	}
	return hostError(err)
}

// finish writes the report, prints the table and what is to be said of a profile, and gives the exit code.
func (f *denialsFlags) finish(e *env, r *report.Report, judge *judge) error {
	if f.file != "" {
		data, err := report.Encode(r)
		if err != nil {
			return hostError(err)
		}
		if err := writeOutput(e, f.file, data); err != nil {
			return err
		}
	}
	if f.output == "table" && f.file != "-" {
		writeDenialTable(e.stdout, terminalOf(e, e.stdout), r)
	}
	if err := judge.say(e, f, r); err != nil {
		return err
	}
	return denialsExit(r)
}

// denialsExit is the exit code that a report asks for. What was denied has been told already.
func denialsExit(r *report.Report) error {
	for _, w := range r.Workloads {
		if len(w.Denials) > 0 {
			return codeOnly(exitFinding)
		}
	}
	if !r.Complete {
		return incompleteError(fmt.Errorf("nothing was seen to be denied, but not everything was seen: %s", strings.Join(r.Incomplete, "; ")))
	}
	return nil
}
