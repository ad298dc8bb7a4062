package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// showOptions are the flags of `scallop show`.
type showOptions struct {
	phase  string
	sort   string
	limit  int
	output string
	// saturation shows when, or in which recording, the different calls appeared.
	saturation bool
}

var (
	showSorts   = []string{"total", "name", "first", "nr"}
	showOutputs = []string{"table", "json", "csv"}
)

func newShowCmd(e *env) *cobra.Command {
	var opts showOptions
	cmd := &cobra.Command{
		Use:   "show [flags] RECORDING…",
		Short: "Show the calls of a recording, ranked, by phase",
		Long: `Show who was recorded, how complete the recording is, and every system call
with its count by phase, its share of all calls and when it was first seen.

The ranking is by total; the share of a row and of all rows above it are "share"
and "cum". A call that only one phase made says so: startup-only and shutdown-only
calls are those that a profile for the steady state can do without.

The lines under "danger" are calls that give an attacker much if a profile allows them.
The lines under "seen" estimate how many calls were never seen (docs/completeness.md). With
--saturation there is a curve instead of the ranking: how many different calls were
seen by when; or, of several recordings, by which, and what each added.

RECORDING is a file written by scallop run; - is standard input. Of several recordings
the merge is shown.`,
		Example: `  scallop show nginx.json
  scallop show --phase shutdown nginx.json
  scallop show --sort first --limit 20 nginx.json
  scallop show --output csv nginx.json > nginx.csv
  scallop show --saturation run1.json run2.json run3.json`,
		Args: recordingArgs("scallop show nginx.json"),
		RunE: func(_ *cobra.Command, args []string) error {
			return runShow(e, args, opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.phase, "phase", "", "rank the calls of this `PHASE` alone")
	flags.StringVar(&opts.sort, "sort", "total", "order of the rows, `BY` "+strings.Join(showSorts, ", "))
	flags.IntVar(&opts.limit, "limit", 0, "show the first `N` rows; 0 is all")
	flags.StringVar(&opts.output, "output", "table", "`FORMAT` "+strings.Join(showOutputs, ", "))
	flags.BoolVar(&opts.saturation, "saturation", false, "show when, or in which recording, the different calls appeared")
	completeValues(cmd, "sort", showSorts...)
	completeValues(cmd, "output", showOutputs...)
	completeValues(cmd, "phase", recording.Lifecycle...)
	return cmd
}

func runShow(e *env, paths []string, opts showOptions) error {
	if err := opts.check(); err != nil {
		return usageError(err)
	}
	rec, err := readMerged(e, paths)
	if err != nil {
		return err
	}
	if opts.saturation {
		return showSaturation(e, rec, opts)
	}
	rank, err := newRanking(rec, opts)
	if err != nil {
		return usageError(err)
	}
	var out bytes.Buffer
	switch opts.output {
	case "json":
		err = rank.writeJSON(&out)
	case "csv":
		err = rank.writeCSV(&out)
	default:
		t := terminalOf(e, e.stdout)
		writeHeader(&out, rec, t)
		rank.writeTable(&out, t)
	}
	if err != nil {
		return err
	}
	return writeOutput(e, "-", out.Bytes())
}

func (o *showOptions) check() error {
	if err := oneOf("--sort", o.sort, showSorts); err != nil {
		return err
	}
	if err := oneOf("--output", o.output, showOutputs); err != nil {
		return err
	}
	if o.limit < 0 {
		return fmt.Errorf("--limit %d is negative: use 0 for all rows", o.limit)
	}
	return nil
}
