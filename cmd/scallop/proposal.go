package main

import (
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"github.com/scallop-sec/scallop/exporter/gate"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/exporter/severity"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// proposalFlags are the flags of commands that propose a changed profile.
type proposalFlags struct {
	file   string
	accept []string
}

func (f *proposalFlags) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&f.file, "propose", "", "write the profile that would pass to `FILE`, if this one does not")
	flags.StringSliceVar(&f.accept, "accept", nil, "propose the call `NAME`, though it is dangerous and was denied")
}

func (f *proposalFlags) check() error {
	if len(f.accept) > 0 && f.file == "" {
		return fmt.Errorf("--accept goes with --propose: name the file to write, as --propose proposed.json")
	}
	for _, name := range f.accept {
		known := func(abi syscalls.ABI) bool { _, ok := syscalls.Number(abi, name); return ok }
		if !slices.ContainsFunc(syscalls.ABIs(), known) {
			return fmt.Errorf("--accept %s: no such system call: use a name as ptrace", recording.CleanString(name))
		}
	}
	return nil
}

// write writes the proposed profile, if one is asked for and there is something to mend; else it returns nil.
func (f *proposalFlags) write(e *env, old *policy.Policy, evidence *gate.Evidence, result *gate.Result) (*gate.Proposal, error) {
	if f.file == "" || result.Count(gate.Missing)+result.Count(gate.Unused) == 0 {
		return nil, nil
	}
	p, err := gate.Propose(old, evidence, result, f.accept)
	if err != nil {
		return nil, usageError(fmt.Errorf("propose a profile: %w", err))
	}
	data, err := p.Policy.Encode()
	if err != nil {
		return nil, usageError(err)
	}
	if err := writeOutput(e, f.file, data); err != nil {
		return nil, err
	}
	for _, note := range p.Notes {
		warn(e, "the proposed profile does not pass either: %s", note)
	}
	for i := range p.Held {
		warn(e, "%s", heldBack(&p.Held[i]))
	}
	return p, nil
}

// heldBack says what was not added, and how it would be.
func heldBack(f *gate.Finding) string {
	danger := severity.Of(f.Subject)
	return fmt.Sprintf("%s is not in the proposed profile, since it is dangerous (%s: %s): %s; add it with --accept %s if it is meant",
		f.Subject, danger.Level, danger.Reason, f.Denial.Text(), f.Subject)
}
