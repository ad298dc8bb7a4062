// Command scallop profiles the system calls of live workloads and turns them
// into seccomp allow-lists.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// version is set at release builds with -ldflags "-X main.version=…".
var version = "devel"

// env is everything a command may touch of the process around it, so that
// tests can give it their own.
type env struct {
	ctx            context.Context
	stdin          *os.File
	stdout, stderr io.Writer
	environ        []string
}

func main() {
	e := &env{
		ctx:     context.Background(),
		stdin:   os.Stdin,
		stdout:  os.Stdout,
		stderr:  os.Stderr,
		environ: os.Environ(),
	}
	os.Exit(run(e, os.Args[1:]))
}

// run executes one command line and returns its exit code (see exit.go).
func run(e *env, args []string) int {
	root := newRootCmd(e)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(e.ctx)
	if err == nil {
		return exitOK
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		// cobra's own errors: unknown commands, flags, wrong arguments.
		exit = &exitError{code: exitUsage, err: fmt.Errorf("%w: see `%s --help`", err, cmd.CommandPath())}
	}
	if exit.err != nil {
		fmt.Fprintf(e.stderr, "scallop: %s\n", oneLine(exit.err))
	}
	return exit.code
}

// oneLine keeps an error on one line, whatever a workload's strings put into it.
func oneLine(err error) string {
	return recording.CleanString(strings.Join(strings.Fields(err.Error()), " "))
}

func newRootCmd(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:           "scallop",
		Short:         "Profile the system calls of live workloads, by phase, and export seccomp allow-lists",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	root.AddCommand(
		newRunCmd(e),
		newRecordCmd(e),
		newHookCmd(e),
		newMarkCmd(e),
		newShowCmd(e),
		newMergeCmd(e),
		newBaselineCmd(e),
		newExportCmd(e),
		newDiffCmd(e),
		newCheckCmd(e),
		newExplainCmd(e),
		newCostCmd(e),
		newVerifyCmd(e),
		newDenialsCmd(e),
		newStatusCmd(e),
		newDoctorCmd(e),
		newConfineCmd(e),
	)
	return root
}
