package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newDenialsCmd(e *env) *cobra.Command {
	f := &denialsFlags{}
	cmd := &cobra.Command{
		Use:   "denials [flags] TARGET…",
		Short: "Tell what seccomp filters deny to containers, units, cgroups, PIDs or the whole host",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return runDenials(e, f) },
	}
	addDenialsFlags(cmd, f)
	return cmd
}

func runDenials(_ *env, f *denialsFlags) error {
	if err := f.check(); err != nil {
		return usageError(err)
	}
	if _, err := f.options(); err != nil {
		return usageError(err)
	}
	return hostError(errors.New("watching live is not built in: use `scallop verify` for one command"))
}
