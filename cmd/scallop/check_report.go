package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/scallop-sec/scallop/exporter/gate"
	"github.com/scallop-sec/scallop/exporter/report"
)

// reportCheck writes the report and turns the result into the exit code.
func reportCheck(e *env, opts checkOptions, result *gate.Result) error {
	data, err := report.Check(opts.format, result, report.Options{Version: version})
	if err != nil {
		return usageError(err)
	}
	if err := writeOutput(e, opts.output, data); err != nil {
		return err
	}
	if opts.format == "github" {
		if err := stepSummary(e, result); err != nil {
			return err
		}
	}
	if opts.output != "-" {
		fmt.Fprintf(e.stderr, "scallop: check %s; wrote %s\n", report.Headline(result), clean(opts.output))
	}
	switch {
	case result.OnlyIncomplete():
		return codeOnly(exitIncomplete)
	case result.Failed():
		return codeOnly(exitFinding)
	}
	return nil
}

// stepSummary adds to the file whose content GitHub shows on the run's page. Outside of its runners
// there is none.
func stepSummary(e *env, result *gate.Result) error {
	path := e.getenv("GITHUB_STEP_SUMMARY")
	if path == "" {
		return nil
	}
	data, err := report.Check("markdown", result, report.Options{Version: version})
	if err != nil {
		return usageError(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return outputError(path, err)
	}
	_, err = f.Write(append(data, '\n'))
	return outputError(path, errors.Join(err, f.Close()))
}

// nextSteps are the commands that would mend what was found.
func nextSteps(opts checkOptions, paths []string, result *gate.Result) []string {
	missing, unused := result.Count(gate.Missing), result.Count(gate.Unused)
	if missing+unused == 0 {
		return nil
	}
	if opts.proposal.file != "" {
		return []string{
			"if the calls are meant: review " + shellWords([]string{opts.proposal.file}) + ", and commit it as " + shellWords([]string{opts.profile}),
			shellWords([]string{"scallop", "diff", opts.profile, opts.proposal.file}),
		}
	}
	command := []string{"scallop", "check", "--profile", opts.profile}
	if unused > 0 {
		command = append(command, "--unused")
	}
	steps := []string{"to mend the profile: " + withRecordings(append(command, "--propose", "proposed.json"), paths)}
	if result.Reports > 0 {
		return steps // a denial report makes no profile
	}
	return append(steps, "to make a new one of these recordings alone: "+withRecordings([]string{"scallop", "export", "-o", "proposed.json"}, paths))
}

// withRecordings does not print a thousand names.
func withRecordings(command, paths []string) string {
	const most = 5
	if len(paths) > most {
		return shellWords(append(command, paths[0])) + fmt.Sprintf(" … (all %d)", len(paths))
	}
	return shellWords(append(command, paths...))
}
