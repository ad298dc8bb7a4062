package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/session"
)

// verifyFlags are the flags of `scallop verify`, as typed: those of run, and its own.
type verifyFlags struct {
	runFlags
	format     string
	logOnly    bool
	strict     bool
	recording  string
	noNewPrivs bool
	runtime    string
	container  capabilityFlags
}

// ownOfRun are flags of run that mean nothing here.
var ownOfRun = []string{"checkpoint", "output-file"}

var verifyFormats = []string{"table", "json"}

// Runtimes whose way with a profile verify can follow: they differ in numbers that no profile names.
var verifyRuntimes = []string{"runc", "crun"}

func addVerifyFlags(cmd *cobra.Command, f *verifyFlags) {
	flags := cmd.Flags()
	run := pflag.NewFlagSet("run", pflag.ContinueOnError)
	addRunFlags(run, &f.runFlags)
	run.VisitAll(func(flag *pflag.Flag) {
		if !slices.Contains(ownOfRun, flag.Name) {
			flags.AddFlag(flag)
		}
	})
	flags.SetInterspersed(false) // flags behind CMD are the command's
	flags.StringVarP(&f.output, "output-file", "o", "-", "write the report to `FILE`; - is standard output, which the command writes to as well")
	flags.StringVar(&f.format, "output", "table", "`FORMAT` of the report: "+strings.Join(verifyFormats, ", "))
	flags.BoolVar(&f.logOnly, "log-only", false, "deny nothing, and tell of every call that would be denied: all in one go")
	flags.BoolVar(&f.strict, "strict", false, "take what is answered ENOSYS on purpose for denied as well")
	flags.StringVar(&f.recording, "recording", "", "say which phases and calls of the recording in `FILE` this run did not reach")
	flags.BoolVar(&f.noNewPrivs, "no-new-privileges", false, "set no_new_privs for the command, as docker run --security-opt no-new-privileges")
	flags.StringVar(&f.runtime, "runtime", "runc", "make of the profile what this `RUNTIME` does: "+strings.Join(verifyRuntimes, ", "))
	f.container.addTo(flags)
	completeValues(cmd, "output", verifyFormats...)
	completeValues(cmd, "runtime", verifyRuntimes...)
}

func (f *verifyFlags) options(e *env, flags *pflag.FlagSet, command []string) (session.Options, error) {
	opts, err := f.runFlags.options(e, flags, command)
	switch {
	case err != nil:
		return opts, err
	case flags.Changed("recording") && f.recording == "":
		return opts, errors.New("--recording: is empty: give a value, or leave the flag out")
	case f.recording == "-":
		return opts, errors.New("--recording -: standard input is the command's: give a file")
	}
	opts.Save = nil
	if err := oneOf("--output", f.format, verifyFormats); err != nil {
		return opts, err
	}
	return opts, oneOf("--runtime", f.runtime, verifyRuntimes)
}

// expected is the recording to compare with, nil if none was named.
func (f *verifyFlags) expected(e *env) (*recording.Recording, error) {
	if f.recording == "" {
		return nil, nil
	}
	return readRecording(e, f.recording)
}

func (f *verifyFlags) write(e *env, v *verification) error {
	var b strings.Builder
	if f.format == "json" {
		if err := v.writeJSON(&b); err != nil {
			return hostError(fmt.Errorf("writing the report: %w", err))
		}
	} else {
		v.writeTable(&b, terminalOf(e, e.stdout))
	}
	return writeOutput(e, f.output, []byte(b.String()))
}
