package main

import (
	"github.com/spf13/cobra"

	"github.com/scallop-sec/scallop/profiler/control"
	"github.com/scallop-sec/scallop/profiler/recording"
)

func newMarkCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "mark NAME PHASE",
		Short: "Start a phase in a live recording, e.g. steady, reload",
		Long: `Start a phase in a live recording. Calls from now on are filed under it, until the
next mark or the stop signal. NAME is the --name of a scallop run, by default its
command's, or a workload that a scallop record knows: a container, by name or ID, a unit,
a cgroup. If several recorders know it, RECORDER/NAME says which.`,
		Example: "  scallop mark nginx reload\n  scallop mark nginx steady",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := recording.CheckPhaseName(args[1]); err != nil {
				return usageError(err)
			}
			if err := control.Mark(runtimeDir(e), args[0], args[1]); err != nil {
				return usageError(err)
			}
			return nil
		},
	}
}

// runtimeDir holds the control sockets.
func runtimeDir(e *env) string {
	if dir := e.getenv("SCALLOP_RUNTIME_DIR"); dir != "" {
		return dir
	}
	return control.DefaultDir
}
