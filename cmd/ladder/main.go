// Command ladder measures what a system call costs under scallop and under other
// ways of counting it: no probe, an empty program, other designs, other tools.
// It asserts no time: machines are noisy, and a person reads the table.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
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
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run returns 0 if everything could be measured, whatever the figures are.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parseArgs(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	report, err := measure(ctx, opts, stderr)
	if err == nil && opts.binary != "" {
		report.Own = measureOwn(ctx, opts.binary)
	}
	if err == nil {
		err = report.write(stdout, opts.json)
	}
	if err != nil {
		fmt.Fprintf(stderr, "ladder: %s\n", strings.Join(strings.Fields(err.Error()), " "))
		return 3
	}
	return 0
}

func parseArgs(args []string, stderr io.Writer) (options, error) {
	var opts options
	flags := flag.NewFlagSet("ladder", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&opts.rounds, "rounds", 20, "rounds; each goes through every row")
	flags.StringVar(&opts.rows, "rows", "", "only rows whose name contains this, beside the two that all are compared with")
	flags.BoolVar(&opts.tools, "tools", true, "measure other tools, too (syscount, perf trace, strace)")
	flags.StringVar(&opts.binary, "scallop", "", "measure what the process of this scallop binary takes, too")
	flags.BoolVar(&opts.json, "json", false, "print JSON")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "Usage: ladder [flags]\nMeasures the cost of a system call under scallop and others. Needs root.\nExample: go run ./cmd/ladder --rounds 5")
		flags.PrintDefaults()
	}
	err := flags.Parse(args)
	if err == nil && (opts.rounds < 1 || flags.NArg() > 0) {
		err = errors.New("usage")
		flags.Usage()
	}
	return opts, err
}
