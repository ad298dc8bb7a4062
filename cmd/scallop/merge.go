package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/scallop-sec/scallop/exporter/completeness"
	"github.com/scallop-sec/scallop/profiler/recording"
)

func newMergeCmd(e *env) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "merge [flags] RECORDING…",
		Short: "Merge many recordings, or many denial reports, into one",
		Long: `Make one recording of many: replicas, several runs, a run that was seen from its
start and one that was joined late, hosts of several architectures. Counts are added,
first evidence is the earliest; losses, gaps and what is incomplete stay on record.

In which order, how often and in which groups recordings are merged makes no
difference to a byte: the merged recording keeps who its parts are and what each
counted, so that a part counts once, also if it is inside of another argument.

Denial reports (scallop denials -o), one of each node, say, are merged into one report in the same way; but one that is
inside of another argument is refused.

The exit code is 4 if a part is incomplete: what is merged then is, too.`,
		Example: `  scallop merge -o nginx.json run1.json run2.json run3.json
  scallop merge -o all.json nginx.json run4.json
  scallop show --saturation all.json
  scallop merge -o denials.json node1-denials.json node2-denials.json`,
		Args: recordingArgs("scallop merge run1.json run2.json"),
		RunE: func(_ *cobra.Command, args []string) error { return runMerge(e, args, output) },
	}
	cmd.Flags().StringVarP(&output, "output-file", "o", "-", "write what is merged to `FILE`; - is standard output")
	return cmd
}

// recordingArgs wants one recording at least, and standard input once at most.
func recordingArgs(example string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageError(fmt.Errorf("an argument is missing: give at least one recording, e.g. %s", example))
		}
		if i := slices.Index(args, "-"); i >= 0 && slices.Contains(args[i+1:], "-") {
			return usageError(errors.New("standard input (-) can be read once: give - once"))
		}
		return nil
	}
}

func runMerge(e *env, paths []string, output string) error {
	var m merging
	for i, d := range decodeAll(e, paths) {
		if err := m.add(paths[i], d); err != nil {
			return err
		}
	}
	if m.reports != nil {
		return writeMergedReports(e, m.reports, output)
	}
	return writeMergedRecording(e, m.recordings, output)
}

func writeMergedRecording(e *env, m *recording.Merger, output string) error {
	rec, err := m.Recording()
	if err != nil {
		return usageError(fmt.Errorf("merge: %w", err))
	}
	data, err := recording.Encode(rec)
	if err != nil {
		return usageError(err)
	}
	if err := writeOutput(e, output, data); err != nil {
		return err
	}
	parts := recording.Parts(rec)
	fmt.Fprintf(e.stderr, "scallop: merged %s of %s\n", plural(len(parts), "recording"), clean(cmp.Or(rec.Workload.Name, "an unnamed workload")))
	for _, line := range completeness.Of(rec, nil).Lines() {
		fmt.Fprintf(e.stderr, "scallop: %s\n", clean(line))
	}
	if !rec.Complete {
		return incompleteError(fmt.Errorf("the merged recording was written, but is incomplete (%s): record that run again and merge without it", clean(rec.Incomplete[0])))
	}
	return nil
}

// readMerged reads recordings one at a time and returns their merge; one alone is returned
// as it is. Errors are for the user and carry their exit code.
func readMerged(e *env, paths []string) (*recording.Recording, error) {
	m := recording.NewMerger()
	for _, path := range paths {
		rec, err := readRecording(e, path)
		if err != nil {
			return nil, err
		}
		if err := m.Add(rec); err != nil {
			return nil, usageError(fmt.Errorf("%s: %w", clean(path), err))
		}
	}
	rec, err := m.Recording()
	if err != nil {
		return nil, usageError(fmt.Errorf("merge: %w", err))
	}
	return rec, nil
}
