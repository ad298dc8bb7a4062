package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/scallop-sec/scallop/exporter"
	"github.com/scallop-sec/scallop/exporter/filter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// formatBPF is the filter itself, which is for one architecture.
const formatBPF = "bpf"

func exportFormats() []string { return slices.Insert(exporter.Formats(), 0, formatBPF) }

// rules is the format from which a filter is compiled, or the one that was asked for.
func (o *exportOptions) rules() string {
	if o.format == formatBPF {
		return "docker"
	}
	return o.format
}

// checkBPF keeps a program off a person's terminal.
func (o *exportOptions) checkBPF(e *env) error {
	if o.format == formatBPF && o.output == "-" && terminalOf(e, e.stdout).tty {
		return errors.New("a filter is no text for a terminal: write it to a file with -o FILE")
	}
	return nil
}

// compileBPF makes the filter of an exported profile, and a line on what it is.
func (o *exportOptions) compileBPF(profile []byte, p *exporter.Profile, recs []*recording.Recording) ([]byte, string, error) {
	native, err := o.target(p)
	if err != nil {
		return nil, "", err
	}
	rules, err := policy.Parse(bytes.NewReader(profile))
	if err != nil {
		return nil, "", fmt.Errorf("read the exported profile back: %w", err)
	}
	rec, err := recording.Merge(recs)
	if err != nil {
		return nil, "", err
	}
	host := policy.Host{Architecture: native, Capabilities: policy.DockerCapabilities(), Kernel: kernelFor(rec, native)}
	prog, err := filter.Render(rules, host, filter.CountsOf(rec, p.Phases...))
	if err != nil {
		return nil, "", fmt.Errorf("compile the filter for %s: %w", native, err)
	}
	return prog.Bytes(), fmt.Sprintf("the filter has %s, for %s", plural(len(prog), "instruction"), native), nil
}

// target is the only architecture of the profile, or the one that --arch names.
func (o *exportOptions) target(p *exporter.Profile) (syscalls.ABI, error) {
	var natives []string
	for _, a := range p.Archs {
		natives = append(natives, a.Native)
	}
	switch {
	case len(natives) == 1:
		return syscalls.ABI(natives[0]), nil
	case len(o.archs) == 1 && slices.Contains(natives, o.archs[0]):
		return syscalls.ABI(o.archs[0]), nil
	}
	return "", fmt.Errorf("a filter is for one architecture, and the profile covers %s: choose one with --arch", strings.Join(natives, ", "))
}
