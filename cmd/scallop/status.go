package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/scallop-sec/scallop/profiler/watch"
)

// statusFlags are the flags of `scallop status`, as typed.
type statusFlags struct {
	targetFlags
	profile string
	attach  bool
	output  string
}

var statusFormats = []string{"table", "json"}

func newStatusCmd(e *env) *cobra.Command {
	f := &statusFlags{}
	cmd := &cobra.Command{
		Use:   "status [flags] TARGET…",
		Short: "Tell what is really enforced on every process and thread of a workload",
		Long: `Say for every process and thread of workloads what the kernel enforces: the mode of seccomp, how many filters, and
no_new_privs; and for containers which profile the engine says it gave them, and whether that is still what the file on
disk says. Nothing is changed or stopped, unless --attach is given.

A finding is what should be confined and is not: a process without a filter, in a workload that was named or, with --all,
in a container that has a profile; and a thread without a filter that its siblings have, which happens when one is loaded
without SECCOMP_FILTER_FLAG_TSYNC while there are threads.

With --profile P, the profile that a container was given must give P's verdicts. With --attach also the live filters of
every process must: a thread of each is stopped through ptrace for a moment, in which a call that waits may be interrupted
and begun again, its filters are read, and their verdicts for every number of every ABI are compared with P's. That needs
cap_sys_admin and cap_sys_ptrace, and that scallop itself has no filter.

Exit codes: 0 all is confined that should be; 1 a finding; 2 usage, or a target that was not found; 3 this host cannot
do it.`,
		Example: `  scallop status --container web
  scallop status --container web --profile web-seccomp.json --attach
  scallop status --all --output json | jq -r '.workloads[].findings[].text'`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runStatus(e, f) },
	}
	flags := cmd.Flags()
	f.addNow(flags)
	flags.Lookup("pid").Usage = "process `PID` and what it has started"
	flags.Lookup("all").Usage = "every workload"
	flags.StringVar(&f.profile, "profile", "", "compare with the verdicts of the profile in `FILE`, or of docker-default or podman-default")
	flags.BoolVar(&f.attach, "attach", false, "with --profile: stop each process for a moment, and compare its live filters")
	flags.StringVar(&f.output, "output", "table", "`FORMAT` of the report: "+strings.Join(statusFormats, ", "))
	completeValues(cmd, "output", statusFormats...)
	return cmd
}

func (f *statusFlags) options(e *env) (watch.Options, error) {
	opts := watch.Options{Warn: func(format string, args ...any) { warn(e, format, args...) }}
	if err := f.apply(&opts, "scallop status"); err != nil {
		return opts, err
	}
	if err := notEmpty(f.set, "profile"); err != nil {
		return opts, err
	}
	if f.attach && f.profile == "" {
		return opts, errors.New("--attach compares live filters with a profile: name it with --profile")
	}
	return opts, oneOf("--output", f.output, statusFormats)
}

func runStatus(e *env, f *statusFlags) error {
	opts, err := f.options(e)
	if err != nil {
		return usageError(err)
	}
	look := &statusLook{attach: f.attach, proc: os.DirFS("/proc")}
	if f.profile != "" {
		if look.profile, err = newComparedProfile(e, f.profile); err != nil {
			return err
		}
	}
	// A signal must not end scallop while it holds a thread.
	ctx, stop := signal.NotifyContext(e.ctx, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	set, err := f.openEngines(ctx, opts, true)
	if err != nil {
		return err
	}
	if set != nil {
		defer set.Close()
		opts.Engines, opts.EnginesNamed = set, len(f.endpoints) > 0
	}
	list, missing, err := watch.Find(ctx, opts)
	if err != nil {
		return hostError(err)
	}
	for _, err := range missing {
		warn(e, "%v", err)
	}
	report, err := look.report(ctx, list)
	if err != nil {
		return hostError(err)
	}
	return f.finish(e, report, len(missing))
}

// finish writes the report, and returns what it means.
func (f *statusFlags) finish(e *env, r *statusReport, missing int) error {
	if len(r.Workloads) == 0 && missing > 0 {
		return usageError(errors.New("nothing to look at: no target was found: see the warnings"))
	}
	var out strings.Builder
	if f.output == "json" {
		if err := r.writeJSON(&out); err != nil {
			return hostError(err)
		}
	} else {
		r.writeTable(&out, terminalOf(e, e.stdout))
	}
	if err := writeOutput(e, "-", []byte(out.String())); err != nil {
		return err
	}
	switch {
	case r.Findings > 0:
		return codeOnly(exitFinding)
	case r.Unread > 0:
		return hostError(fmt.Errorf("the filters of %s were not read: the report says why", plural(r.Unread, "process")))
	case missing > 0:
		return usageError(fmt.Errorf("%s not found: see the warnings", plural(missing, "target")))
	}
	return nil
}
