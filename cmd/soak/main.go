// Command soak lets one scallop record many cgroups at once, while others come and go, every CPU is full and
// checkpoints are written, and checks that every call is there: what the load says it has made, and what the
// recordings say, must be equal to the call. It looks at what scallop takes all the while: none of it may grow.
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
	"time"
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

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run returns 0 if all is as it must be, 1 if not, 2 for wrong arguments, and 3 if it could not be found out.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parseArgs(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	r, err := measure(ctx, opts, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "soak: %s\n", strings.Join(strings.Fields(err.Error()), " "))
		return 3
	}
	if err := r.write(stdout); err != nil {
		return 3
	}
	if len(r.findings()) > 0 {
		return 1
	}
	return 0
}

func parseArgs(args []string, stderr io.Writer) (options, error) {
	var opts options
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&opts.scallop, "scallop", "./scallop", "the scallop binary")
	flags.IntVar(&opts.cgroups, "cgroups", 200, "cgroups that live all the time; as many of them as there are CPUs make calls without a pause")
	flags.IntVar(&opts.rate, "rate", 20, "cgroups a second that come and live for a second")
	flags.DurationVar(&opts.duration, "duration", 10*time.Minute, "how long they come")
	flags.DurationVar(&opts.checkpoint, "checkpoint", 10*time.Second, "interval of the recordings so far; 0: none")
	flags.IntVar(&opts.samples, "samples", 20, "how often to look at what scallop takes")
	flags.BoolVar(&opts.keep, "keep", false, "keep the recordings, and say where they are")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "Usage: soak [flags]\nRecords many cgroups under full load, and counts what is missing and what grows. Needs root and gcc.\nExample: go run ./cmd/soak --duration 10s")
		flags.PrintDefaults()
	}
	err := flags.Parse(args)
	if err == nil && (opts.cgroups < 0 || opts.rate < 0 || opts.duration < 0 || opts.samples < 1 || flags.NArg() > 0) {
		err = errors.New("usage")
		flags.Usage()
	}
	return opts, err
}
