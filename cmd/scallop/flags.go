package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// oneOf checks the value of a flag that takes a few words.
func oneOf(flag, value string, allowed []string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s %q is not known: use one of %s", flag, value, strings.Join(allowed, ", "))
}

// notEmpty checks flags that were given but mean nothing without a value.
func notEmpty(set *pflag.FlagSet, names ...string) error {
	for _, name := range names {
		if flag := set.Lookup(name); flag.Changed && flag.Value.String() == "" {
			return fmt.Errorf("--%s: is empty: give a value, or leave the flag out", name)
		}
	}
	return nil
}

// notNegative checks durations, by the names of their flags.
func notNegative(flags map[string]time.Duration) error {
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		if d := flags[name]; d < 0 {
			return fmt.Errorf("--%s %s: is negative: give 0 or more", name, d)
		}
	}
	return nil
}

// completeValues lets the shell complete a flag's words. A flag that does not
// exist is a mistake in this program.
func completeValues(cmd *cobra.Command, flag string, values ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
}

// completeFrom is completeValues of words that are looked for when they are needed.
func completeFrom(cmd *cobra.Command, values func() []string, flags ...string) {
	for _, flag := range flags {
		err := cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return values(), cobra.ShellCompDirectiveNoFileComp
		})
		if err != nil {
			panic(err)
		}
	}
}

// oneArg wants exactly one argument and says what it is.
func oneArg(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return usageError(fmt.Errorf("an argument is missing: give %s", what))
		case len(args) > 1:
			return usageError(fmt.Errorf("too many arguments, from %q on: give %s", args[1], what))
		}
		return nil
	}
}
