package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scallop-sec/scallop/exporter/gate"
	"github.com/scallop-sec/scallop/exporter/report"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// checkOptions are the flags of `scallop check`, as typed.
type checkOptions struct {
	profile         string
	format, output  string
	proposal        proposalFlags
	phases          []string
	require         []string
	minCoverage     share
	handover        string
	container       capabilityFlags
	unused          bool
	allowIncomplete bool
}

var handoverWords = []string{"auto", "yes", "no"}

func newCheckCmd(e *env) *cobra.Command {
	var opts checkOptions
	cmd := &cobra.Command{
		Use:   "check --profile PROFILE [flags] RECORDING|DENIALS…",
		Short: "Fail if a profile does not allow what was recorded or denied",
		Long: `Hold a profile against recordings and denial reports (scallop denials -o), for CI: the exit code is 0 if the profile
allows every call that they hold, and 1 if not. Each call that is missing is listed with its phase, count, first caller and
what it gives an attacker. With --unused, allowing what was never seen fails, too; calls that the
runtime, every process or other C libraries need are not counted as unused.

PROFILE is a file for Docker, Podman or an OCI runtime, or docker-default or podman-default.
Its rules for capabilities are judged for a container with Docker's (--cap-add, --cap-drop), those for
hosts and kernels by where the recordings were made.

A check of a shallow recording proves little: --require-phases and --min-coverage make it fail.
A recording that misses calls fails (exit code 4 if that is all) unless --allow-incomplete is given.

--propose writes the profile with what is missing added and, with --unused, what is unused taken out. A dangerous call
that was denied is added only with --accept NAME.
With --format github, a summary is added to the file that $GITHUB_STEP_SUMMARY names.`,
		Example: `  scallop check --profile nginx-seccomp.json nginx.json
  scallop check --profile nginx-seccomp.json --require-phases startup,steady,shutdown --min-coverage 99% runs/*.json
  scallop check --profile nginx-seccomp.json --propose new.json --accept ptrace denials.json nginx.json
  scallop check --profile nginx-seccomp.json --unused --propose new.json --format sarif -o check.sarif nginx.json`,
		Args: recordingArgs("scallop check --profile nginx-seccomp.json nginx.json"),
		RunE: func(_ *cobra.Command, args []string) error { return runCheck(e, args, opts) },
	}
	addCheckFlags(cmd, &opts)
	return cmd
}

func addCheckFlags(cmd *cobra.Command, opts *checkOptions) {
	flags := cmd.Flags()
	flags.StringVarP(&opts.profile, "profile", "p", "", "check this `PROFILE`: a file, docker-default or podman-default")
	flags.StringVar(&opts.format, "format", "text", "`FORMAT` of the report: "+strings.Join(report.CheckFormats(), ", "))
	flags.StringVarP(&opts.output, "output-file", "o", "-", "write the report to `FILE`; - is standard output")
	opts.proposal.addTo(flags)
	flags.BoolVar(&opts.unused, "unused", false, "fail if the profile allows what was never seen")
	flags.StringSliceVar(&opts.phases, "phases", nil, "demand the calls of these `PHASES` only, e.g. steady,shutdown (default all but setup)")
	flags.StringSliceVar(&opts.require, "require-phases", nil, "fail unless a recording reached each of these `PHASES`, e.g. startup,steady,shutdown")
	flags.Var(&opts.minCoverage, "min-coverage", "fail if less than this `SHARE` of calls is estimated to have been seen, e.g. 0.99 or 99%")
	flags.StringVar(&opts.handover, "handover", "auto", "demand the runtime's own calls under the filter: `auto` (if the profile is for a runtime), yes, no")
	opts.container.addTo(flags)
	flags.BoolVar(&opts.allowIncomplete, "allow-incomplete", false, "let recordings pass that miss calls")
	completeValues(cmd, "format", report.CheckFormats()...)
	completeValues(cmd, "handover", handoverWords...)
	completeValues(cmd, "phases", recording.Lifecycle[2:]...)
	completeValues(cmd, "require-phases", recording.Lifecycle[2:]...)
}

func runCheck(e *env, paths []string, opts checkOptions) error {
	demands, err := opts.check()
	if err != nil {
		return usageError(err)
	}
	if opts.profile == "-" && slices.Contains(paths, "-") {
		return usageError(errors.New("standard input (-) can be read once: give the profile or a recording as a file"))
	}
	p, data, err := readGateProfile(e, opts.profile)
	if err != nil {
		return err
	}
	capabilities, err := opts.container.list()
	if err != nil {
		return usageError(err)
	}
	evidence, err := gather(e, paths)
	if err != nil {
		return err
	}
	f, err := gate.FilterOfPolicy(opts.profile, p, &gate.Container{Capabilities: capabilities, Kernels: evidence.Kernels()})
	if err != nil {
		return usageError(fmt.Errorf("%s: %w", clean(opts.profile), err))
	}
	if data != nil && opts.profile != "-" {
		f.Lines = gate.Lines(data)
	}
	demands.Handover = opts.wantsHandover(f)
	result, err := gate.Check(f, evidence, demands)
	if err != nil {
		return usageError(err)
	}
	result.Next = nextSteps(opts, paths, result)
	if _, err := opts.proposal.write(e, p, evidence, result); err != nil {
		return err
	}
	return reportCheck(e, opts, result)
}

// check looks at every flag before a file is read.
func (o *checkOptions) check() (gate.Options, error) {
	g := gate.Options{Phases: o.phases, Require: o.require, Unused: o.unused, MinCoverage: float64(o.minCoverage), AllowIncomplete: o.allowIncomplete}
	if o.profile == "" {
		return g, errors.New("--profile is missing: name the profile to check, e.g. --profile nginx-seccomp.json")
	}
	if err := oneOf("--format", o.format, report.CheckFormats()); err != nil {
		return g, err
	}
	if err := o.proposal.check(); err != nil {
		return g, err
	}
	if err := oneOf("--handover", o.handover, handoverWords); err != nil {
		return g, err
	}
	for flag, phases := range map[string][]string{"--phases": o.phases, "--require-phases": o.require} {
		for _, phase := range phases {
			if err := recording.CheckPhaseName(phase); err != nil {
				return g, fmt.Errorf("%s: %w", flag, err)
			}
		}
	}
	if slices.Contains(o.phases, recording.PhaseSetup) {
		return g, errors.New("--phases: phase setup is never demanded, since no filter is loaded then: leave it out")
	}
	return g, nil
}

func (o *checkOptions) wantsHandover(f *gate.Filter) bool {
	if o.handover == "auto" {
		return f.ForRuntime()
	}
	return o.handover == "yes"
}
