// Command kernels runs scallop's privileged tests on other kernels and on aarch64, in software emulation. Kernels
// come from Debian's packages, by exact version and checksum; nothing but QEMU and compilers is needed on the
// host, and nothing is installed.
package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/scallop-sec/scallop/cmd/internal/devtool"
)

type options struct {
	kernels []string
	run     string // tests that match
	shell   bool
	root    string // a folder to boot instead
	fetch   string // a pin to fetch instead
	verbose bool
	full    bool // what cannot be fetched is a failure
	jobs    int
	layouts string // names of layouts to test in instead
	cpus    int
	mib     int
	append  string
	timeout time.Duration
	out     string
	table   string
}

func main() { devtool.Main("kernels", run) }

// run fails with devtool.ErrFinding if some tests did not pass, and otherwise if there could be none.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	opts, err := parseArgs(args, stderr)
	if err != nil {
		return err
	}
	ok, err := work(ctx, opts, stdout)
	if err == nil && !ok {
		fmt.Fprintln(stdout, failed)
		err = devtool.ErrFinding
	}
	return err
}

func parseArgs(args []string, stderr io.Writer) (options, error) {
	opts := options{full: os.Getenv("SCALLOP_TEST_HOST") == "full"}
	flags := devtool.Flags("kernels", "[flags] [KERNEL…]\nRuns privileged tests on other kernels, all of cmd/kernels/pins.tsv or those named.\nWith SCALLOP_TEST_HOST=full, a kernel that cannot be fetched is a failure.\nExample: go run ./cmd/kernels --run TestPhases 5.10", stderr)
	flags.StringVar(&opts.run, "run", "", "only tests that match this `REGEXP`")
	flags.BoolVar(&opts.shell, "shell", false, "open a shell in the guest instead")
	flags.StringVar(&opts.root, "root", "", "boot this `FOLDER`, which has an /init, instead; the console is here")
	flags.StringVar(&opts.fetch, "fetch", "", "only fetch this `PACKAGE` of pins.tsv with all that it depends on, and print where it is")
	flags.BoolVarP(&opts.verbose, "verbose", "v", false, "tell of tests that passed or were skipped, too")
	flags.IntVar(&opts.jobs, "jobs", 2, "`N` guests at a time, each on one CPU of the host")
	flags.StringVar(&opts.layouts, "layouts", "", "test in these `LAYOUTS` instead, separated by commas, or in all of cmd/kernels/layouts.go")
	flags.IntVar(&opts.cpus, "cpus", 2, "`N` CPUs of a guest")
	flags.IntVar(&opts.mib, "memory", 1024, "memory of a guest, in `MIB`")
	flags.StringVar(&opts.append, "append", "", "more `WORDS` for the kernel's command line, as in preempt=full")
	flags.DurationVar(&opts.timeout, "timeout", 12*time.Minute, "of one guest, without a shell")
	flags.StringVar(&opts.out, "out", "kernel-results", "`FOLDER` for results.json and the consoles")
	flags.StringVar(&opts.table, "table", "", "`DOCUMENT` whose table is written anew, when all kernels have been tested")
	if err := devtool.Parse(flags, args, math.MaxInt); err != nil {
		return opts, err
	}
	opts.kernels = flags.Args()
	if opts.jobs < 1 || opts.cpus < 1 || opts.mib < 1 {
		return opts, devtool.Usagef("--jobs, --cpus and --memory are at least 1")
	}
	if (opts.shell || opts.root != "") && len(opts.kernels) != 1 {
		return opts, devtool.Usagef("--shell and --root take one KERNEL")
	}
	return opts, nil
}

// work runs what was asked for, and tells whether all went well.
func work(ctx context.Context, opts options, stdout io.Writer) (bool, error) {
	pins, err := parsePins(pinned)
	if err != nil {
		return false, err
	}
	chosen, err := kernels(pins, opts.kernels)
	if err != nil {
		return false, err
	}
	guests, err := jobs(chosen, opts.layouts)
	if err != nil {
		return false, err
	}
	if len(guests) == 0 {
		return false, fmt.Errorf("layout %s is not for kernel %s: see cmd/kernels/layouts.go", opts.layouts, strings.Join(opts.kernels, ", "))
	}
	if opts.layouts != "" {
		opts.out = filepath.Join(opts.out, "layouts") // the kernels' own results stay
	}
	store, err := openArchive()
	if err != nil {
		return false, err
	}
	commit, err := output(ctx, "", "git", "describe", "--always", "--dirty="+dirty, "--abbrev=40", "--exclude", "*")
	if err != nil {
		commit = "" // not in a clone: results of several runs cannot be put together
	}
	dir, err := os.MkdirTemp("", "scallop-kernels-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	l := &lab{pins: pins, archive: store, dir: dir, commit: strings.TrimSpace(commit), options: opts, trees: &trees{dir: dir, done: map[string]error{}}}
	switch {
	case opts.fetch != "":
		return true, l.printPackages(ctx, stdout)
	case opts.shell:
		l.options.timeout = 0
		return true, l.run(ctx, guests[0], l.scriptRoot(guests[0].layout.Setup+shellScript), os.Stdin, stdout)
	case opts.root != "":
		return true, l.run(ctx, guests[0], givenRoot(opts.root), os.Stdin, stdout)
	}
	return l.judge(ctx, guests, stdout)
}

// printPackages tells where a package and its dependencies are.
func (l *lab) printPackages(ctx context.Context, stdout io.Writer) error {
	p, err := find(l.pins, l.options.fetch, runtime.GOARCH)
	if err != nil {
		return err
	}
	dir, err := l.archive.fetchAll(ctx, p)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, dir)
	return err
}

// judge runs the tests, keeps the results, and writes the table once every pinned kernel has been through all tests.
func (l *lab) judge(ctx context.Context, chosen []job, stdout io.Writer) (bool, error) {
	if err := os.MkdirAll(l.options.out, 0o755); err != nil {
		return false, fmt.Errorf("making a folder for the results: %w", err)
	}
	before, err := readResults(l.options.out)
	if err != nil {
		return false, err
	}
	now := l.testAll(ctx, chosen, stdout)
	ok := !slices.ContainsFunc(now, func(o *outcome) bool { return o.Verdict == failed })
	outcomes := now
	if l.options.layouts == "" {
		outcomes = merge(l.pins, before, now)
	}
	if err := writeResults(l.options.out, outcomes); err != nil {
		return false, err
	}
	if l.options.table == "" || l.options.run+l.options.append+l.options.layouts != "" || !allPassed(l.pins, outcomes) {
		return ok, nil
	}
	return ok, writeTable(l.options.table, outcomes)
}

// allPassed tells whether each pinned kernel has passed.
func allPassed(pins []pin, outcomes []*outcome) bool {
	all, err := kernels(pins, nil)
	return err == nil && len(outcomes) == len(all) &&
		!slices.ContainsFunc(outcomes, func(o *outcome) bool { return o.Verdict != passed })
}
