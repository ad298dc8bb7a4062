package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/spf13/cobra"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/exporter/portability"
	"github.com/scallop-sec/scallop/exporter/severity"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// exportOptions are the flags of `scallop export`.
type exportOptions struct {
	output          string
	format          string
	phases          []string
	runtime         string
	noNewPrivs      string
	portability     string
	archs           []string
	defaultAction   string
	errno           string
	allowIncomplete bool
	minCoverage     share
	layers          layerOptions
}

func newExportCmd(e *env) *cobra.Command {
	var opts exportOptions
	cmd := &cobra.Command{
		Use:   "export [flags] RECORDING…",
		Short: "Turn recordings into a seccomp allow-list",
		Long: `Write the allow-list of every call that the recordings saw, of the few that the
container runtime makes after it has loaded the filter (--runtime), and of those
that every process needs. Several recordings give one profile that fits them all.

What a runtime needs was measured, for several versions of runc and crun, and is added
even if the recording does not show it. Which runtime, and whether the container
has no_new_privs, is taken from the recordings of containers; with no_new_privs a profile is
smaller, but lets no container start without it (--no-new-privs any fits both).

So that the profile outlives the next C library, the calls that glibc and musl make
instead of the recorded ones are added as well (--portability libc): the same authority
under another name. With --arch the profile covers further architectures, too: the
recorded calls are translated by name, and what cannot be is said.

The setup phase is never exported. The calls of the handover phase go with
startup: a profile for a process that tightens itself once it is ready needs
neither (--phases steady,shutdown).

A seccomp rule holds a name and applies to every architecture in the profile.
If a recording saw calls of a second ABI (32-bit ones on x86), the names of one are
allowed for the other as well. An ABI that was not seen is never included.

With --base the profile is layered on a common one: a file, as scallop baseline writes,
whose calls all stay; or docker-default or podman-default, of which what the recordings
never used is dropped. With --within it never allows more than that profile does.

With --format bpf the filter itself is written, as bubblewrap, minijail and crun take it: for one
architecture (--arch, if there are several), ordered for the recorded calls (docs/filters.md).

An incomplete recording is refused with exit code 4, since its profile would
deny calls that the workload needs. So is, with exit code 1, one whose estimated
coverage is below --min-coverage (docs/completeness.md).`,
		Example: `  scallop export -o nginx-seccomp.json nginx.json
  docker run --security-opt seccomp=nginx-seccomp.json nginx

  scallop export --format oci --runtime crun --no-new-privs yes nginx.json
  scallop export --arch aarch64 nginx.json
  scallop export --format bpf --runtime none -o nginx.bpf nginx.json
  scallop export --base docker-default --min-coverage 0.999 run1.json run2.json
  scallop export --base core.json --within podman-default web.json
  scallop export --phases steady,shutdown --runtime none --default-action kill_process nginx.json`,
		Args: recordingArgs("scallop export nginx.json"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runExport(e, args, opts)
		},
	}
	addExportFlags(cmd, &opts)
	return cmd
}

func addExportFlags(cmd *cobra.Command, opts *exportOptions) {
	flags := cmd.Flags()
	flags.StringVarP(&opts.output, "output-file", "o", "-", "write the profile to `FILE`; - is standard output")
	flags.StringVar(&opts.format, "format", "docker", "`FORMAT` of the profile: "+strings.Join(exportFormats(), ", "))
	flags.StringSliceVar(&opts.phases, "phases", nil, "export these `PHASES` only, e.g. steady,shutdown (default all but setup)")
	flags.StringVar(&opts.runtime, "runtime", "", "allow what this `RUNTIME` calls once the filter is loaded: "+
		strings.Join(exporter.Runtimes(), ", ")+" (default that of the recorded container, runc if there was none, and none if startup is not exported)")
	flags.StringVar(&opts.noNewPrivs, "no-new-privs", "", "the container will have no_new_privs: `yes`, no or any (default as all recorded containers had it, else any)")
	flags.StringVar(&opts.portability, "portability", "", "allow what does the same elsewhere, up to `LEVEL`: "+
		strings.Join(exporter.Portabilities(), ", ")+" (default libc, or arch with --arch)")
	flags.StringSliceVar(&opts.archs, "arch", nil, "cover these `ARCHITECTURES` as well, e.g. aarch64 (default with --portability arch: "+
		strings.Join(portability.Recordable(), ",")+")")
	flags.StringVar(&opts.defaultAction, "default-action", "errno", "`ACTION` for all other calls: "+
		strings.Join(exporter.Actions(), ", ")+", or the SCMP_ACT_ name")
	flags.StringVar(&opts.errno, "errno", "", "`ERRNO` that a denied call returns, by name or number; on others than ENOSYS C libraries do not fall back to older calls (default ENOSYS)")
	flags.BoolVar(&opts.allowIncomplete, "allow-incomplete", false, "export recordings that miss calls")
	flags.Var(&opts.minCoverage, "min-coverage", "write no profile if the estimated coverage is below this `SHARE`, e.g. 0.999 or 99.9%")
	addLayerFlags(cmd, &opts.layers)
	completeValues(cmd, "format", exportFormats()...)
	completeValues(cmd, "runtime", exporter.Runtimes()...)
	completeValues(cmd, "no-new-privs", exporter.NoNewPrivsValues()...)
	completeValues(cmd, "portability", exporter.Portabilities()...)
	completeValues(cmd, "arch", portability.Architectures()...)
	completeValues(cmd, "default-action", exporter.Actions()...)
	completeValues(cmd, "errno", "ENOSYS", "EPERM", "EACCES")
	completeValues(cmd, "phases", recording.Lifecycle[1:]...)
}

func runExport(e *env, paths []string, opts exportOptions) error {
	render, err := opts.render()
	if err == nil {
		err = opts.checkBPF(e)
	}
	if err != nil {
		return usageError(err)
	}
	var recs []*recording.Recording
	for _, path := range paths {
		rec, err := readRecording(e, path)
		if err != nil {
			return err
		}
		recs = append(recs, rec)
	}
	profile, err := exporter.Build(recs, exporter.Options{
		Phases: opts.phases, Runtime: opts.runtime, NoNewPrivs: opts.noNewPrivs,
		Portability: opts.portability, Archs: opts.archs, AllowIncomplete: opts.allowIncomplete,
	})
	if err != nil {
		return exportError(err)
	}
	seen, err := exportCoverage(recs, profile.Phases, float64(opts.minCoverage))
	if err != nil {
		return err
	}
	data, layered, err := opts.layers.render(e, profile, opts.rules(), render)
	if err != nil {
		return err
	}
	if opts.format == formatBPF {
		var size string
		if data, size, err = opts.compileBPF(data, profile, recs); err != nil {
			return usageError(err)
		}
		layered = append(layered, size)
	}
	if err := writeOutput(e, opts.output, data); err != nil {
		return err
	}
	reportExport(e, profile)
	for _, line := range slices.Concat(layered, seen) {
		fmt.Fprintf(e.stderr, "scallop: %s\n", line)
	}
	return nil
}

// render checks the flags that the recordings do not matter for, before any is read.
func (o *exportOptions) render() (exporter.RenderOptions, error) {
	var r exporter.RenderOptions
	if err := oneOf("--format", o.format, exportFormats()); err != nil {
		return r, err
	}
	if o.runtime != "" {
		if err := oneOf("--runtime", o.runtime, exporter.Runtimes()); err != nil {
			return r, err
		}
	}
	if o.noNewPrivs != "" {
		if err := oneOf("--no-new-privs", o.noNewPrivs, exporter.NoNewPrivsValues()); err != nil {
			return r, err
		}
	}
	if o.portability != "" {
		if err := oneOf("--portability", o.portability, exporter.Portabilities()); err != nil {
			return r, err
		}
	}
	if err := o.layers.check(o.rules()); err != nil {
		return r, err
	}
	var err error
	if r.DefaultAction, err = exporter.ParseAction(o.defaultAction); err != nil {
		return r, fmt.Errorf("--default-action: %w", err)
	}
	if o.errno == "" {
		return r, nil
	}
	errno, err := policy.Errno(o.errno)
	if err != nil {
		return r, fmt.Errorf("--errno: %w", err)
	}
	r.Errno = &errno
	if r.DefaultAction != specs.ActErrno {
		return r, fmt.Errorf("--errno goes with --default-action errno, not with %s: leave it out", o.defaultAction)
	}
	return r, nil
}

func exportError(err error) error {
	if incomplete := (*exporter.IncompleteError)(nil); errors.As(err, &incomplete) {
		return incompleteError(err)
	}
	return usageError(err)
}

// reportExport says on stderr what the profile is worth, warnings first.
func reportExport(e *env, p *exporter.Profile) {
	t := terminalOf(e, e.stderr)
	for _, warning := range p.Warnings {
		fmt.Fprintf(e.stderr, "scallop: %s %s\n", t.paint(styleYellow, "warning:"), warning)
	}
	for _, c := range exporter.Cover(p) {
		fmt.Fprintf(e.stderr, "scallop: %s\n", severity.Summary(allowedNames(p), c.ABI))
	}
	fmt.Fprintf(e.stderr, "scallop: %s\n", summary(p))
}

func allowedNames(p *exporter.Profile) []string {
	var names []string
	for i := range p.Entries {
		names = append(names, p.Entries[i].Name)
	}
	return names
}

// summary says where the allowed calls are from: "41 observed in startup, steady and shutdown, 17 more
// for the handover from runc, 12 that other C libraries use instead, 3 that every process needs".
func summary(p *exporter.Profile) string {
	var observed, handover, carried, base int
	for i := range p.Entries {
		switch e := &p.Entries[i]; {
		case e.Has(exporter.Observed):
			observed++
		case e.Has(exporter.Handover):
			handover++
		case e.Has(exporter.Base):
			base++
		default:
			carried++
		}
	}
	var parts []string
	add := func(n int, text string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, text))
		}
	}
	add(observed, "observed in "+exporter.Enumerate(ownPhases(p)))
	add(handover, "more for the handover"+handoverFrom(p))
	add(carried, "that other "+carriedTo(p)+" use instead")
	add(base, "that every process needs")
	return strings.Join(parts, ", ")
}

// handoverFrom is e.g. " from runc with no_new_privs".
func handoverFrom(p *exporter.Profile) string {
	if len(p.Runtimes) == 0 {
		return ""
	}
	text := " from " + exporter.Enumerate(p.Runtimes)
	switch p.NoNewPrivs {
	case exporter.NoNewPrivsYes:
		text += " with no_new_privs"
	case exporter.NoNewPrivsNo:
		text += " without no_new_privs"
	}
	return text
}

// carriedTo names those who make other calls for the same jobs.
func carriedTo(p *exporter.Profile) string {
	if len(p.Carried) == 0 {
		return "C libraries"
	}
	return "C libraries or " + exporter.Enumerate(p.Carried)
}

// ownPhases are the exported phases, without the runtime's.
func ownPhases(p *exporter.Profile) []string {
	return slices.DeleteFunc(slices.Clone(p.Phases), func(name string) bool { return name == recording.PhaseHandover })
}
