package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/layers"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// baselineOptions are the flags of `scallop baseline`.
type baselineOptions struct {
	output     string
	minShare   share
	by         string
	phases     []string
	runtime    string
	noNewPrivs string
	incomplete bool
}

// Ways to tell which recordings are of one workload.
const (
	byName  = "name"
	byImage = "image"
)

func newBaselineCmd(e *env) *cobra.Command {
	var opts baselineOptions
	cmd := &cobra.Command{
		Use:   "baseline [flags] RECORDING…",
		Short: "Find the calls that the workloads of a fleet have in common",
		Long: `Write the common core of a fleet as a profile, in Docker's format: the calls that at
least --min-share of the workloads were seen to make, and what a container runtime
and every process needs. Workloads are told apart by kind and name, or containers
by their image; the recordings of one are merged first.

The core is a layer: scallop export --base FILE puts a workload's own calls on it.
As a profile for a workload alone it may be too narrow.`,
		Example: `  scallop baseline --min-share 0.8 -o core.json recordings/*.json
  scallop export --base core.json -o web-seccomp.json recordings/web-*.json`,
		Args: recordingArgs("scallop baseline web.json db.json"),
		RunE: func(_ *cobra.Command, args []string) error { return runBaseline(e, args, opts) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&opts.output, "output-file", "o", "-", "write the profile to `FILE`; - is standard output")
	opts.minShare = 0.8
	flags.Var(&opts.minShare, "min-share", "`SHARE` of the workloads that make a call, above 0 and up to 1")
	flags.StringVar(&opts.by, "by", byName, "what makes recordings one workload's, `name` or image")
	flags.StringSliceVar(&opts.phases, "phases", nil, "look at these `PHASES` only (default all but setup)")
	flags.StringVar(&opts.runtime, "runtime", "", "allow what this `RUNTIME` calls once the filter is loaded (default as for scallop export)")
	flags.StringVar(&opts.noNewPrivs, "no-new-privs", "", "the containers will have no_new_privs: `yes`, no or any (default as for scallop export)")
	flags.BoolVar(&opts.incomplete, "allow-incomplete", false, "take recordings that miss calls")
	completeValues(cmd, "by", byName, byImage)
	completeValues(cmd, "runtime", exporter.Runtimes()...)
	completeValues(cmd, "no-new-privs", exporter.NoNewPrivsValues()...)
	completeValues(cmd, "phases", recording.Lifecycle[1:]...)
	return cmd
}

func (o *baselineOptions) check() error {
	if o.minShare == 0 {
		return errors.New("--min-share 0 is met by every call: use a number above 0 and up to 1, e.g. 0.8")
	}
	return oneOf("--by", o.by, []string{byName, byImage})
}

func runBaseline(e *env, paths []string, opts baselineOptions) error {
	if err := opts.check(); err != nil {
		return usageError(err)
	}
	workloads, err := readWorkloads(e, paths, opts.by)
	if err != nil {
		return err
	}
	build := func(recs ...*recording.Recording) (*exporter.Profile, error) {
		p, err := exporter.Build(recs, exporter.Options{
			Phases: opts.phases, Runtime: opts.runtime, NoNewPrivs: opts.noNewPrivs, AllowIncomplete: opts.incomplete,
		})
		if err != nil {
			return nil, exportError(err)
		}
		return p, nil
	}
	var profiles []*exporter.Profile
	for _, rec := range workloads {
		p, err := build(rec)
		if err != nil {
			return err
		}
		profiles = append(profiles, p)
	}
	fleet, err := build(workloads...)
	if err != nil {
		return err
	}
	core := layers.CoreOf(profiles, float64(opts.minShare))
	data, err := exporter.Docker(core.Profile(fleet), exporter.RenderOptions{})
	if err != nil {
		return usageError(err)
	}
	if err := writeOutput(e, opts.output, data); err != nil {
		return err
	}
	for _, warning := range fleet.Warnings {
		fmt.Fprintf(e.stderr, "scallop: %s %s\n", terminalOf(e, e.stderr).paint(styleYellow, "warning:"), warning)
	}
	reportCore(e.stderr, core, workloads, profiles)
	return nil
}

// readWorkloads merges the recordings of each workload and returns them sorted by name.
func readWorkloads(e *env, paths []string, by string) ([]*recording.Recording, error) {
	mergers := map[string]*recording.Merger{}
	for _, path := range paths {
		rec, err := readRecording(e, path)
		if err != nil {
			return nil, err
		}
		key, err := workloadKey(&rec.Workload, by)
		if err != nil {
			return nil, usageError(fmt.Errorf("%s: %w", clean(path), err))
		}
		if mergers[key] == nil {
			mergers[key] = recording.NewMerger()
		}
		if err := mergers[key].Add(rec); err != nil {
			return nil, usageError(fmt.Errorf("%s: %w", clean(path), err))
		}
	}
	var recs []*recording.Recording
	for _, key := range slices.Sorted(maps.Keys(mergers)) {
		rec, err := mergers[key].Recording()
		if err != nil {
			return nil, usageError(fmt.Errorf("merge: %w", err))
		}
		recs = append(recs, rec)
	}
	return recs, nil
}

func workloadKey(w *recording.Workload, by string) (string, error) {
	if by == byImage && w.Container != nil && w.Container.Image != "" {
		return "image\x00" + w.Container.Image, nil
	}
	if w.Kind == recording.KindMany {
		return "", errors.New("it was merged of several workloads, and each counts as one: give the recordings that it was made of")
	}
	return w.Kind + "\x00" + w.Name, nil
}

// coreListed is how many workloads the report lists: a fleet may have thousands.
const coreListed = 20

func reportCore(w io.Writer, core *layers.Core, workloads []*recording.Recording, profiles []*exporter.Profile) {
	fmt.Fprintf(w, "scallop: %s, %s made by at least %d of them: the core\n", plural(core.Workloads, "workload"), plural(core.Size(), "call"), core.Needed)
	if rest := len(core.Calls) - core.Size(); rest > 0 {
		fmt.Fprintf(w, "scallop: %s made by fewer are left to their workloads\n", plural(rest, "call"))
	}
	for i, rec := range workloads {
		if i == coreListed {
			fmt.Fprintf(w, "scallop:   and %s\n", plural(len(workloads)-i, "workload"))
			return
		}
		in, own := 0, 0
		for j := range profiles[i].Entries {
			switch e := &profiles[i].Entries[j]; {
			case !e.Has(exporter.Observed):
			case core.Has(e.Name):
				in++
			default:
				own++
			}
		}
		fmt.Fprintf(w, "scallop:   %s: %d of the core, %d of its own\n", clean(rec.Workload.Name), in, own)
	}
}
