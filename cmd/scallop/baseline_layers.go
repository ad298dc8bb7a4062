package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/layers"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// layerOptions are the flags that put an exported profile on, or within, others.
type layerOptions struct {
	base, within string
	unused       string
	dropOutside  bool
}

const (
	unusedKeep = "keep"
	unusedDrop = "drop"
)

func addLayerFlags(cmd *cobra.Command, o *layerOptions) {
	flags := cmd.Flags()
	flags.StringVar(&o.base, "base", "", "layer the profile on `PROFILE`: a file, as of scallop baseline, or docker-default or podman-default")
	flags.StringVar(&o.unused, "base-unused", "", "`keep` or drop what the base allows and the recordings never used (default keep for a file, drop for a default profile)")
	flags.StringVar(&o.within, "within", "", "never allow more than `PROFILE`: a file, docker-default or podman-default; an observed call outside of it fails with exit code 1")
	flags.BoolVar(&o.dropOutside, "drop-outside", false, "with --within, leave out observed calls that are outside, and warn")
	completeValues(cmd, "base-unused", unusedKeep, unusedDrop)
}

func (o *layerOptions) wanted() bool { return o.base != "" || o.within != "" }

// check looks at what the recordings do not matter for.
func (o *layerOptions) check(format string) error {
	switch {
	case o.unused != "" && o.base == "":
		return errors.New("--base-unused goes with --base: leave it out")
	case o.dropOutside && o.within == "":
		return errors.New("--drop-outside goes with --within: leave it out")
	case o.wanted() && format != "docker" && format != "oci":
		return fmt.Errorf("--base and --within write docker or oci, not %s: export in docker's format first", format)
	case o.unused == "":
		return nil
	}
	return oneOf("--base-unused", o.unused, []string{unusedKeep, unusedDrop})
}

// readLayer reads a profile, or takes an engine's default by its name.
func readLayer(e *env, name string) (layers.Layer, error) {
	if isDefaultProfile(name) {
		p, err := policy.Default(name)
		if err != nil {
			return layers.Layer{}, usageError(err)
		}
		return layers.Layer{Name: name, Policy: p}, nil
	}
	r, shown, err := openInput(e, name)
	if err != nil {
		return layers.Layer{}, err
	}
	defer r.Close()
	p, err := policy.Parse(r)
	if err != nil {
		return layers.Layer{}, usageError(fmt.Errorf("%s: %w", shown, err))
	}
	return layers.Layer{Name: shown, Policy: p}, nil
}

func isDefaultProfile(name string) bool {
	short, is := strings.CutSuffix(name, "-default")
	return is && slices.Contains(policy.Defaults(), short)
}

// render writes the profile with its layers, and returns what to tell of them.
func (o *layerOptions) render(e *env, p *exporter.Profile, format string, opts exporter.RenderOptions) ([]byte, []string, error) {
	if !o.wanted() {
		data, err := exporter.Render(format, p, opts)
		if err != nil {
			err = usageError(err)
		}
		return data, nil, err
	}
	plain, err := exporter.Docker(p, opts)
	if err != nil {
		return nil, nil, usageError(err)
	}
	out, err := policy.Parse(bytes.NewReader(plain))
	if err != nil {
		return nil, nil, fmt.Errorf("read the exported profile back: %w; this is a bug in scallop, please report it", err)
	}
	var notes []string
	if o.base != "" {
		if out, notes, err = o.onBase(e, out); err != nil {
			return nil, nil, err
		}
	}
	if o.within != "" {
		var more []string
		if out, more, err = o.keepWithin(e, out, p); err != nil {
			return nil, nil, err
		}
		notes = append(notes, more...)
	}
	notes = append(notes, fmt.Sprintf("with its layers the profile allows %s", plural(layers.Allowed(out), "call")))
	data, err := encodeLayered(out, p, format)
	return data, notes, err
}

func (o *layerOptions) onBase(e *env, local *policy.Policy) (*policy.Policy, []string, error) {
	base, err := readLayer(e, o.base)
	if err != nil {
		return nil, nil, err
	}
	drop := o.unused == unusedDrop || o.unused == "" && isDefaultProfile(o.base)
	out, report, err := layers.OnBase(local, base, drop)
	if err != nil {
		return nil, nil, usageError(err)
	}
	what := "kept"
	if !report.Kept {
		what = "dropped"
	}
	notes := []string{fmt.Sprintf("base %s allows %s: %d used, %d not used and %s; %d more for this workload%s",
		report.Layer, plural(report.Holds, "call"), len(report.Shared), len(report.Unused), what, len(report.Local), listed(report.Local))}
	return out, append(notes, conditions(report)...), nil
}

func (o *layerOptions) keepWithin(e *env, local *policy.Policy, p *exporter.Profile) (*policy.Policy, []string, error) {
	bound, err := readLayer(e, o.within)
	if err != nil {
		return nil, nil, err
	}
	out, report, err := layers.Within(local, bound)
	if err != nil {
		return nil, nil, usageError(err)
	}
	seen, other := splitObserved(p, report.Local)
	if len(seen) > 0 && !o.dropOutside {
		return nil, nil, &exitError{exitFinding, fmt.Errorf("%s does not allow %s, which the workload made: %s: give it a wider bound, or leave them out with --drop-outside",
			report.Layer, plural(len(seen), "call"), strings.Join(seen, ", "))}
	}
	notes := []string{fmt.Sprintf("within %s: %d of the %s that it allows", report.Layer, len(report.Shared), plural(report.Holds, "call"))}
	if len(seen) > 0 {
		notes = append(notes, fmt.Sprintf("warning: the workload made %s that %s does not allow, now left out: %s", plural(len(seen), "call"), report.Layer, strings.Join(seen, ", ")))
	}
	if len(other) > 0 {
		notes = append(notes, fmt.Sprintf("left out, since %s does not allow them, and never observed%s", report.Layer, listed(other)))
	}
	return out, append(notes, conditions(report)...), nil
}

// splitObserved tells the names that the workload was seen to call, with counts, from the others.
func splitObserved(p *exporter.Profile, names []string) (seen, other []string) {
	for _, name := range names {
		i := slices.IndexFunc(p.Entries, func(e exporter.Entry) bool { return e.Name == name && e.Has(exporter.Observed) })
		if i < 0 {
			other = append(other, name)
			continue
		}
		seen = append(seen, fmt.Sprintf("%s (%d times)", name, p.Entries[i].Count))
	}
	return seen, other
}

func conditions(r *layers.Report) []string {
	if len(r.Conditional) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("warning: %s allows these only under conditions (arguments, capabilities, kernel, architecture), which are kept%s; scallop verify tells whether they hold",
		r.Layer, listed(r.Conditional))}
}

func listed(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ": " + recording.CleanString(strings.Join(names, ", "))
}

// encodeLayered writes Docker's format, whose rules have conditions on the host; in OCI's, which
// has none, those of a container without capabilities are decided now.
func encodeLayered(out *policy.Policy, p *exporter.Profile, format string) ([]byte, error) {
	if format == "docker" {
		data, err := out.Encode()
		if err != nil {
			return nil, usageError(err)
		}
		return data, nil
	}
	if len(p.Archs) != 1 {
		return nil, usageError(errors.New("--base and --within write OCI's format for one architecture, and the recordings are of several: use --format docker"))
	}
	spec, err := out.Load(policy.Host{Architecture: syscalls.ABI(p.Archs[0].Native), Kernel: slices.Max(append(p.Kernels, ""))})
	if err != nil {
		return nil, usageError(err)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(spec); err != nil {
		return nil, usageError(fmt.Errorf("render the profile: %w", err))
	}
	return b.Bytes(), nil
}
