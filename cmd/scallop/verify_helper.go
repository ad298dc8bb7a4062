package main

import (
	"github.com/spf13/cobra"

	"github.com/scallop-sec/scallop/profiler/confine"
)

// newConfineCmd is the process between scallop and a command that gets a filter: only scallop calls it.
func newConfineCmd(*env) *cobra.Command {
	return &cobra.Command{
		Use:    confine.Command,
		Short:  "Become the command of scallop verify",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(*cobra.Command, []string) error { return usageError(confine.Exec()) },
	}
}
