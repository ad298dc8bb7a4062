// Command baselines measures which calls a container runtime makes in the container's process
// after it has loaded the seccomp filter and before the workload's execve. It starts
// real containers of busybox and writes one file for package exporter/baselines.
package main

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/scallop-sec/scallop/cmd/internal/devtool"
)

type options struct {
	runtime string
	origin  string
	starts  int
	dir     string
	sources string
	date    string
}

func main() { devtool.Main("baselines", run) }

// run writes the file, or to stdout.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	opts, err := parseArgs(args, stderr)
	if err != nil {
		return err
	}
	return measureAndWrite(ctx, opts, stdout, stderr)
}

func parseArgs(args []string, stderr io.Writer) (options, error) {
	var opts options
	flags := devtool.Flags("baselines", "[flags]\nMeasures what a container runtime calls under the filter. Needs root and strace.\nExample: go run ./cmd/baselines --runtime /usr/bin/crun", stderr)
	flags.StringVar(&opts.runtime, "runtime", "runc", "measure this `PROGRAM`: a name in PATH, or a path")
	flags.StringVar(&opts.origin, "origin", "", "where the program came from, e.g. \"Debian 12, runc 1.1.5+ds1-1+deb12u1\" (default the package that dpkg names)")
	flags.IntVar(&opts.starts, "starts", 3, "start each kind of container this `N` times")
	flags.StringVarP(&opts.dir, "output-dir", "o", "exporter/baselines", "write RUNTIME-VERSION-ARCHITECTURE.json into `DIR`; - is standard output")
	flags.StringVar(&opts.sources, "sources", sourceBoth, "measure with `SOURCE`: "+strings.Join(sourceNames(), ", "))
	flags.StringVar(&opts.date, "date", time.Now().UTC().Format(time.DateOnly), "the `DATE` in the file")
	if err := devtool.Parse(flags, args, 0); err != nil {
		return opts, err
	}
	if opts.starts < 1 {
		return opts, devtool.Usagef("--starts %d: give at least 1", opts.starts)
	}
	return opts, checkSource(opts.sources)
}
