// Command churn lets one scallop record many cgroups at once, while others come and go and both CPUs are
// full, and checks that every call is there: what the load says it has made, and what the
// recordings say, must be equal to the call.
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
	scallop  string
	cgroups  int
	rate     int
	duration time.Duration
	keep     bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run returns 0 if nothing is missing, 1 if something is, 2 for wrong arguments, and 3 if it could not be found out.
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
		fmt.Fprintf(stderr, "churn: %s\n", strings.Join(strings.Fields(err.Error()), " "))
		return 3
	}
	if err := r.write(stdout); err != nil {
		return 3
	}
	if len(r.missing()) > 0 {
		return 1
	}
	return 0
}

func parseArgs(args []string, stderr io.Writer) (options, error) {
	var opts options
	flags := flag.NewFlagSet("churn", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&opts.scallop, "scallop", "./scallop", "the scallop binary")
	flags.IntVar(&opts.cgroups, "cgroups", 1000, "cgroups that live all the time")
	flags.IntVar(&opts.rate, "rate", 50, "cgroups a second that come and live for a second")
	flags.DurationVar(&opts.duration, "duration", time.Minute, "how long they come")
	flags.BoolVar(&opts.keep, "keep", false, "keep the recordings, and say where they are")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "Usage: churn [flags]\nRecords many short-lived cgroups at once and counts what is missing. Needs root and gcc.\nExample: go run ./cmd/churn --duration 10s")
		flags.PrintDefaults()
	}
	err := flags.Parse(args)
	if err == nil && (opts.cgroups < 0 || opts.rate < 0 || opts.duration < 0 || flags.NArg() > 0) {
		err = errors.New("usage")
		flags.Usage()
	}
	return opts, err
}
