package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/gate"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/exporter/report"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// diffOptions are the flags of `scallop diff`.
type diffOptions struct{ format, output string }

func newDiffCmd(e *env) *cobra.Command {
	var opts diffOptions
	cmd := &cobra.Command{
		Use:   "diff [flags] A B",
		Short: "Compare two profiles or recordings, with reasons",
		Long: `Show what B has that A has not, what it lacks, and what it does differently: calls, conditions on
arguments, actions, errnos, architectures, each with its evidence: phases, counts, first caller, or the
reason that a profile gives. The exit code is 0 if nothing differs, and 1 if something does.

A and B are recordings, or profiles for Docker, Podman or an OCI runtime, or docker-default or
podman-default. Two recordings differ in which calls were made in which phases; their counts differ
from run to run, and do not matter. Beside a profile, a recording stands for the profile that
scallop export makes of it.`,
		Example: `  scallop diff nginx-seccomp.json proposed.json
  scallop diff nginx-1.26.json nginx-1.28.json
  scallop diff docker-default nginx.json`,
		Args: diffArgs,
		RunE: func(_ *cobra.Command, args []string) error { return runDiff(e, args[0], args[1], opts) },
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.format, "format", "text", "`FORMAT` of the report: "+strings.Join(report.DiffFormats(), ", "))
	flags.StringVarP(&opts.output, "output-file", "o", "-", "write the report to `FILE`; - is standard output")
	completeValues(cmd, "format", report.DiffFormats()...)
	return cmd
}

func diffArgs(_ *cobra.Command, args []string) error {
	switch {
	case len(args) < 2:
		return usageError(errors.New("an argument is missing: give two profiles or recordings, e.g. scallop diff old.json new.json"))
	case len(args) > 2:
		return usageError(fmt.Errorf("too many arguments, from %q on: give two profiles or recordings", args[2]))
	case args[0] == "-" && args[1] == "-":
		return usageError(errors.New("standard input (-) can be read once: give - once"))
	}
	return nil
}

func runDiff(e *env, a, b string, opts diffOptions) error {
	if err := oneOf("--format", opts.format, report.DiffFormats()); err != nil {
		return usageError(err)
	}
	var sides [2]*gate.Side
	for i, path := range []string{a, b} {
		var err error
		if sides[i], err = readSide(e, path); err != nil {
			return err
		}
	}
	d := gate.Compare(*sides[0], *sides[1])
	data, err := report.Diff(opts.format, d)
	if err != nil {
		return usageError(err)
	}
	if err := writeOutput(e, opts.output, data); err != nil {
		return err
	}
	if len(d.Changes) > 0 {
		return codeOnly(exitFinding)
	}
	return nil
}

// readSide reads a profile or a recording, whichever it is.
func readSide(e *env, path string) (*gate.Side, error) {
	if p, err := policy.Default(path); err == nil && strings.HasSuffix(path, "-default") {
		return profileSide(path, p)
	}
	r, shown, err := openInput(e, path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, recording.MaxSize+1))
	if err != nil {
		return nil, inputError(shown, err)
	}
	if gate.LooksLikeProfile(data) {
		p, err := policy.Parse(bytes.NewReader(data))
		if err != nil {
			return nil, usageError(fmt.Errorf("%s: %w", shown, err))
		}
		return profileSide(path, p)
	}
	rec, err := recording.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", shown, err))
	}
	return recordingSide(e, path, rec)
}

func profileSide(path string, p *policy.Policy) (*gate.Side, error) {
	f, err := gate.FilterOfPolicy(path, p, nil)
	if err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", clean(path), err))
	}
	return &gate.Side{Source: path, Filter: f}, nil
}

// recordingSide takes incomplete recordings, too: what they show they show.
func recordingSide(e *env, path string, rec *recording.Recording) (*gate.Side, error) {
	evidence := gate.NewEvidence()
	if err := evidence.Add(path, rec); err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", clean(path), err))
	}
	if !rec.Complete {
		warn(e, "%s is incomplete: calls may be missing from the comparison", clean(path))
	}
	p, err := evidence.Exported(exporter.Options{AllowIncomplete: true})
	if err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", clean(path), err))
	}
	return &gate.Side{Source: path, Filter: gate.FilterOf(path, p), Evidence: evidence}, nil
}
