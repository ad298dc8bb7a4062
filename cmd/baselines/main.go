// Command baselines measures which calls a container runtime makes in the container's process
// after it has loaded the seccomp filter and before the workload's execve. It starts
// real containers of busybox and writes one file for package exporter/baselines.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

type options struct {
	runtime string
	origin  string
	starts  int
	dir     string
	sources string
	date    string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run returns 0 if the file was written, or went to stdout.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parseArgs(args, stderr)
	if errors.Is(err, pflag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = measureAndWrite(ctx, opts, stdout, stderr)
	}
	if usage := (*usageError)(nil); errors.As(err, &usage) {
		fmt.Fprintf(stderr, "baselines: %v\n", err)
		return 2
	}
	if err != nil {
		fmt.Fprintf(stderr, "baselines: %s\n", strings.Join(strings.Fields(err.Error()), " "))
		return 3
	}
	return 0
}

// usageError is a mistake on the command line.
type usageError struct{ error }

func parseArgs(args []string, stderr io.Writer) (options, error) {
	var opts options
	flags := pflag.NewFlagSet("baselines", pflag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.SortFlags = false
	flags.StringVar(&opts.runtime, "runtime", "runc", "measure this `PROGRAM`: a name in PATH, or a path")
	flags.StringVar(&opts.origin, "origin", "", "where the program came from, e.g. \"Debian 12, runc 1.1.5+ds1-1+deb12u1\" (default the package that dpkg names)")
	flags.IntVar(&opts.starts, "starts", 3, "start each kind of container this `N` times")
	flags.StringVarP(&opts.dir, "output-dir", "o", "exporter/baselines", "write RUNTIME-VERSION-ARCHITECTURE.json into `DIR`; - is standard output")
	flags.StringVar(&opts.sources, "sources", sourceBoth, "measure with `SOURCE`: "+strings.Join(sourceNames(), ", "))
	flags.StringVar(&opts.date, "date", time.Now().UTC().Format(time.DateOnly), "the `DATE` in the file")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "Usage: baselines [flags]\nMeasures what a container runtime calls under the filter. Needs root and strace.\nExample: go run ./cmd/baselines --runtime /usr/bin/crun\n\nFlags:")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return opts, err
		}
		return opts, &usageError{err}
	}
	switch {
	case flags.NArg() > 0:
		return opts, &usageError{fmt.Errorf("unexpected argument %q: use flags only, see --help", flags.Arg(0))}
	case opts.starts < 1:
		return opts, &usageError{fmt.Errorf("--starts %d: give at least 1", opts.starts)}
	}
	return opts, checkSource(opts.sources)
}
