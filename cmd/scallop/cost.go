package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scallop-sec/scallop/exporter/filter"
	"github.com/scallop-sec/scallop/exporter/gate"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// costOptions are the flags of `scallop cost`.
type costOptions struct {
	recordings []string
	phases     []string
	container  capabilityFlags
	arch       string
	format     string
}

var costOutputs = []string{"table", "json"}

func newCostCmd(e *env) *cobra.Command {
	var opts costOptions
	cmd := &cobra.Command{
		Use:   "cost [flags] PROFILE --recording RECORDING",
		Short: "Show what a profile's filter costs for the calls that were recorded",
		Long: `Compile the profile to seccomp filters that look for a call's number in different
orders, run each in a simulator for every recorded call, and show how many
instructions a call takes.

  linear     one number after the other, ascending: libseccomp by itself
  frequency  one number after the other, the most frequent first
  tree       halves the list: libseccomp as runc asks for it
  weighted   the hottest numbers first, then a tree that is lowest where calls are
             frequent: what scallop export --format bpf writes

The order matters less than it seems. Docker, Podman and runc build a tree whatever
the order of the profile is, and since Linux 5.11 the kernel keeps the calls that are always
allowed in a bitmap, and runs no filter for them. The share of such calls is shown.

PROFILE is a file in Docker's or OCI's JSON format, docker-default or podman-default.`,
		Example: `  scallop cost nginx-seccomp.json --recording nginx.json
  scallop cost docker-default --recording nginx.json --output json`,
		Args: oneArg("the profile, e.g. scallop cost nginx-seccomp.json --recording nginx.json"),
		RunE: func(_ *cobra.Command, args []string) error { return runCost(e, args[0], opts) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&opts.recordings, "recording", nil, "count the calls of this `RECORDING`; repeat for more")
	flags.StringSliceVar(&opts.phases, "phases", nil, "count the calls of these `PHASES` only, e.g. steady (default all but setup)")
	flags.StringVar(&opts.arch, "arch", "", "compile for hosts of this `ARCHITECTURE` (default that of the recording)")
	opts.container.addTo(flags)
	flags.StringVar(&opts.format, "output", "table", "`FORMAT` "+strings.Join(costOutputs, ", "))
	completeValues(cmd, "output", costOutputs...)
	completeValues(cmd, "phases", recording.Lifecycle[1:]...)
	return cmd
}

func runCost(e *env, name string, opts costOptions) error {
	if err := oneOf("--output", opts.format, costOutputs); err != nil {
		return usageError(err)
	}
	if len(opts.recordings) == 0 {
		return usageError(errors.New("--recording is missing: a cost is that of the calls which were made: give the recording of a workload"))
	}
	report, err := costReport(e, name, opts)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if opts.format == "json" {
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(report); err != nil {
			return err
		}
	} else {
		report.writeTable(&out, terminalOf(e, e.stdout))
	}
	return writeOutput(e, "-", out.Bytes())
}

func costReport(e *env, name string, opts costOptions) (*costJSON, error) {
	p, _, err := readGateProfile(e, name)
	if err != nil {
		return nil, err
	}
	rec, err := readMerged(e, opts.recordings)
	if err != nil {
		return nil, err
	}
	counts := filter.CountsOf(rec, opts.phases...)
	if len(counts) == 0 {
		return nil, usageError(errors.New("the recordings have no call in these phases: choose others with --phases"))
	}
	host, err := opts.host(rec)
	if err != nil {
		return nil, err
	}
	resolved, err := p.Resolve(host)
	if err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", clean(name), err))
	}
	report := newCostJSON(name, resolved, rec)
	return report, report.measure(resolved, counts.For(resolved))
}

// host is what the profile would be in force on: that of the recording, or one of --arch.
func (o *costOptions) host(rec *recording.Recording) (policy.Host, error) {
	capabilities, err := o.container.list()
	if err != nil {
		return policy.Host{}, usageError(err)
	}
	host := policy.Host{Architecture: syscalls.ABI(o.arch), Capabilities: capabilities}
	kernels := gate.Kernels(rec)
	if natives := slices.Sorted(maps.Keys(kernels)); o.arch == "" && len(natives) > 1 {
		return host, usageError(fmt.Errorf("the recordings are of %s: choose one with --arch", strings.Join(natives, ", ")))
	} else if o.arch == "" {
		host.Architecture = syscalls.ABI(natives[0])
	}
	host.Kernel = kernelFor(rec, host.Architecture)
	return host, nil
}

// kernelFor is the oldest kernel of that architecture that was recorded on; without one, what was
// recorded elsewhere is the best guess.
func kernelFor(rec *recording.Recording, native syscalls.ABI) string {
	kernels := gate.Kernels(rec)
	return cmp.Or(kernels[string(native)], slices.Min(slices.Collect(maps.Values(kernels))))
}
