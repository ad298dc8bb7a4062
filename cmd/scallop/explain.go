package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/gate"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/exporter/report"
	"github.com/scallop-sec/scallop/exporter/severity"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// explainOptions are the flags of `scallop explain`.
type explainOptions struct {
	profile, abi   string
	runtime        string
	format, output string
}

func newExplainCmd(e *env) *cobra.Command {
	var opts explainOptions
	cmd := &cobra.Command{
		Use:   "explain [flags] SYSCALL RECORDING…",
		Short: "Say why a call is in a profile, or why not",
		Long: `Show every piece of evidence and every rule that puts a system call into a profile of these
recordings, or keeps it out: in which phases it was seen, how often, who called first, what a runtime, every
process or another C library needs it for, and what it gives an attacker. For a call that was not seen it
says what that is worth: phases that were not reached, losses, filters.

SYSCALL is a name, or a number of the ABI that --abi names (default that of the recorded host).
--profile adds what a profile says of the call.`,
		Example: `  scallop explain epoll_wait nginx.json
  scallop explain --profile nginx-seccomp.json ptrace runs/*.json
  scallop explain 101 nginx.json`,
		Args: explainArgs,
		RunE: func(_ *cobra.Command, args []string) error { return runExplain(e, args[0], args[1:], opts) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&opts.profile, "profile", "p", "", "explain what this `PROFILE` does with the call, too: a file, docker-default or podman-default")
	flags.StringVar(&opts.abi, "abi", "", "the number is one of this `ABI`, e.g. x86_64, x86, aarch64")
	flags.StringVar(&opts.runtime, "runtime", "", "explain a profile for this `RUNTIME`: "+strings.Join(exporter.Runtimes(), ", ")+" (default as export)")
	flags.StringVar(&opts.format, "format", "text", "`FORMAT` of the report: "+strings.Join(report.ExplainFormats(), ", "))
	flags.StringVarP(&opts.output, "output-file", "o", "-", "write the report to `FILE`; - is standard output")
	completeValues(cmd, "format", report.ExplainFormats()...)
	completeValues(cmd, "runtime", exporter.Runtimes()...)
	completeValues(cmd, "abi", abiNames()...)
	return cmd
}

func abiNames() []string {
	var names []string
	for _, abi := range syscalls.ABIs() {
		names = append(names, string(abi))
	}
	return names
}

func explainArgs(cmd *cobra.Command, args []string) error {
	if len(args) < 2 {
		return usageError(errors.New("an argument is missing: give a system call and at least one recording, e.g. scallop explain ptrace nginx.json"))
	}
	return recordingArgs("scallop explain ptrace nginx.json")(cmd, args[1:])
}

func runExplain(e *env, call string, paths []string, opts explainOptions) error {
	if err := opts.check(); err != nil {
		return usageError(err)
	}
	evidence, err := gather(e, paths)
	if err != nil {
		return err
	}
	name, err := opts.name(call, evidence)
	if err != nil {
		return usageError(err)
	}
	f, err := opts.filter(e, evidence)
	if err != nil {
		return err
	}
	x, err := gate.Explain(evidence, name, exporter.Options{Runtime: opts.runtime}, f)
	if err != nil {
		return usageError(err)
	}
	data, err := report.Explain(opts.format, x)
	if err != nil {
		return usageError(err)
	}
	return writeOutput(e, opts.output, data)
}

func (o *explainOptions) check() error {
	if err := oneOf("--format", o.format, report.ExplainFormats()); err != nil {
		return err
	}
	if o.runtime != "" {
		if err := oneOf("--runtime", o.runtime, exporter.Runtimes()); err != nil {
			return err
		}
	}
	if o.abi != "" {
		return oneOf("--abi", o.abi, abiNames())
	}
	return nil
}

// filter is nil if no profile was asked about.
func (o *explainOptions) filter(e *env, evidence *gate.Evidence) (*gate.Filter, error) {
	if o.profile == "" {
		return nil, nil
	}
	p, _, err := readGateProfile(e, o.profile)
	if err != nil {
		return nil, err
	}
	f, err := gate.FilterOfPolicy(o.profile, p, &gate.Container{Capabilities: policy.DockerCapabilities(), Kernels: evidence.Kernels()})
	if err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", clean(o.profile), err))
	}
	return f, nil
}

// name is that of the call, which may be given as a number.
func (o *explainOptions) name(call string, evidence *gate.Evidence) (string, error) {
	nr, err := strconv.Atoi(call)
	if err != nil {
		return knownCall(call)
	}
	abis := []string{o.abi}
	if o.abi == "" {
		abis = nil
		for abi := range evidence.Kernels() {
			abis = append(abis, abi)
		}
		slices.Sort(abis)
	}
	if len(abis) > 1 {
		return "", fmt.Errorf("number %d means another call in each of %s: choose with --abi", nr, strings.Join(abis, ", "))
	}
	if name, ok := syscalls.Name(syscalls.ABI(abis[0]), nr); ok {
		return name, nil
	}
	return "", fmt.Errorf("%s has no system call with the number %d: give a name, or another --abi", abis[0], nr)
}

// knownCall refuses a name that no ABI has, and offers those that contain it.
func knownCall(name string) (string, error) {
	var like []string
	for _, known := range syscallNames() {
		if known == name {
			return name, nil
		}
		if len(name) > 2 && (strings.Contains(known, name) || strings.Contains(name, known)) {
			like = append(like, known)
		}
	}
	hint := "see scallop show for those of a recording"
	if len(like) > 0 {
		hint = "did you mean " + strings.Join(like[:min(len(like), 5)], ", ") + "?"
	}
	return "", fmt.Errorf("no architecture has a system call named %.64q: %s", name, hint)
}

func syscallNames() []string {
	var names []string
	for _, e := range severity.All() {
		names = append(names, e.Name)
	}
	return names
}
