// Command soak lets one scallop record many cgroups at once, while others come and go, every CPU is full and
// checkpoints are written, and checks that every call is there: what the load says it has made, and what the
// recordings say, must be equal to the call. It looks at what scallop takes all the while: none of it may grow.
package main

import (
	"context"
	"io"
	"time"

	"github.com/scallop-sec/scallop/cmd/internal/devtool"
)

type options struct {
	scallop    string
	cgroups    int
	rate       int
	duration   time.Duration
	checkpoint time.Duration
	samples    int
	keep       bool
}

func main() { devtool.Main("soak", run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	opts, err := parseArgs(args, stderr)
	if err != nil {
		return err
	}
	r, err := measure(ctx, opts, stderr)
	if err != nil {
		return err
	}
	if err := r.write(stdout); err != nil {
		return err
	}
	if len(r.findings()) > 0 {
		return devtool.ErrFinding
	}
	return nil
}

func parseArgs(args []string, stderr io.Writer) (options, error) {
	var opts options
	flags := devtool.Flags("soak", "[flags]\nRecords many cgroups under full load, and counts what is missing and what grows. Needs root and gcc.\nExample: go run ./cmd/soak --duration 10s", stderr)
	flags.StringVar(&opts.scallop, "scallop", "./scallop", "the scallop `BINARY`")
	flags.IntVar(&opts.cgroups, "cgroups", 200, "`N` cgroups that live all the time; as many of them as there are CPUs make calls without a pause")
	flags.IntVar(&opts.rate, "rate", 20, "`N` cgroups a second that come and live for a second")
	flags.DurationVar(&opts.duration, "duration", 10*time.Minute, "how long they come")
	flags.DurationVar(&opts.checkpoint, "checkpoint", 10*time.Second, "interval of the recordings so far; 0: none")
	flags.IntVar(&opts.samples, "samples", 20, "look `N` times at what scallop takes")
	flags.BoolVar(&opts.keep, "keep", false, "keep the recordings, and say where they are")
	if err := devtool.Parse(flags, args, 0); err != nil {
		return opts, err
	}
	if opts.cgroups < 0 || opts.rate < 0 || opts.duration < 0 || opts.samples < 1 {
		return opts, devtool.Usagef("--cgroups, --rate and --duration may not be negative, and --samples is at least 1")
	}
	return opts, nil
}
