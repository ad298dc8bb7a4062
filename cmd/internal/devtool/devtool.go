// Package devtool is what the commands for developers have in common: flags, interrupts, exit codes.
package devtool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
)

// Func is the work of a tool, from its arguments. It ends early when the context does.
type Func func(ctx context.Context, args []string, stdout, stderr io.Writer) error

// ErrFinding is what a tool fails with that has found, and told, what should not be.
var ErrFinding = errors.New("not as it should be")

// usageError is a mistake on the command line.
type usageError struct{ error }

// Usagef is an error of whoever wrote the command line.
func Usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// Main runs a tool until it is done or interrupted, and exits with its code.
func Main(name string, work Func) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := Run(ctx, name, work, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Run returns the exit code: 0 if all is well, 1 after ErrFinding, 2 for a wrong command line, 3 if the work could not be done.
func Run(ctx context.Context, name string, work Func, args []string, stdout, stderr io.Writer) int {
	err := work(ctx, args, stdout, stderr)
	usage := (*usageError)(nil)
	switch {
	case err == nil, errors.Is(err, pflag.ErrHelp):
		return 0
	case errors.Is(err, ErrFinding):
		return 1
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "%s: %v: see --help\n", name, err)
		return 2
	}
	fmt.Fprintf(stderr, "%s: %s\n", name, strings.Join(strings.Fields(err.Error()), " "))
	return 3
}

// Flags are a tool's, which are listed below its usage.
func Flags(name, usage string, stderr io.Writer) *pflag.FlagSet {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.SortFlags = false
	flags.Usage = func() {
		fmt.Fprintf(stderr, "Usage: %s %s\n\nFlags:\n", name, usage)
		flags.PrintDefaults()
	}
	return flags
}

// Parse parses the arguments of a tool that takes at most so many besides flags.
func Parse(flags *pflag.FlagSet, args []string, most int) error {
	err := flags.Parse(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return err
	case err != nil:
		return Usagef("%w", err)
	case flags.NArg() > most:
		return Usagef("unexpected argument %q", flags.Arg(most))
	}
	return nil
}
