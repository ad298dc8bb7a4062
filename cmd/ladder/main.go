// Command ladder measures what a system call costs under scallop and under other
// ways of counting it: no probe, an empty program, other designs, other tools.
// It asserts no time: machines are noisy, and a person reads the table.
package main

import (
	"context"
	"io"
	"os"

	"github.com/scallop-sec/scallop/cmd/internal/devtool"
)

type options struct {
	rounds int
	rows   string
	tools  bool
	json   bool
	binary string // scallop's, for what its own process takes
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == loopArg {
		os.Exit(loopMain(os.Args[2:]))
	}
	devtool.Main("ladder", run)
}

// run fails if not everything could be measured, whatever the figures are.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	opts, err := parseArgs(args, stderr)
	if err != nil {
		return err
	}
	report, err := measure(ctx, opts, stderr)
	if err != nil {
		return err
	}
	if opts.binary != "" {
		report.Own = measureOwn(ctx, opts.binary)
	}
	return report.write(stdout, opts.json)
}

func parseArgs(args []string, stderr io.Writer) (options, error) {
	var opts options
	flags := devtool.Flags("ladder", "[flags]\nMeasures the cost of a system call under scallop and others. Needs root.\nExample: go run ./cmd/ladder --rounds 5", stderr)
	flags.IntVar(&opts.rounds, "rounds", 20, "`N` rounds; each goes through every row")
	flags.StringVar(&opts.rows, "rows", "", "only rows whose name contains `TEXT`, beside the two that all are compared with")
	flags.BoolVar(&opts.tools, "tools", true, "measure other tools, too (syscount, perf trace, strace)")
	flags.StringVar(&opts.binary, "scallop", "", "measure the commands and the process of this scallop `BINARY`, too")
	flags.BoolVar(&opts.json, "json", false, "print JSON")
	if err := devtool.Parse(flags, args, 0); err != nil {
		return opts, err
	}
	if opts.rounds < 1 {
		return opts, devtool.Usagef("--rounds %d: give at least 1", opts.rounds)
	}
	return opts, nil
}
