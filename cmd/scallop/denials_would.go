package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/scallop-sec/scallop/profiler/watch"
)

// ownOfDenials are flags that mean nothing with --would: no call is denied.
var ownOfDenials = []string{"args", "stack", "output-file", "audit", "follow", "profile", "recording", "propose", "accept"}

// wouldOptions are those of recording: what is counted is compared with a profile.
func (f *denialsFlags) wouldOptions() (watch.Options, error) {
	opts := watch.Options{Tool: version, Probe: f.probe, Duration: f.duration}
	for _, name := range ownOfDenials {
		if f.set.Changed(name) {
			return opts, fmt.Errorf("--%s: with --would no call is denied: leave it out; scallop record keeps the evidence, scallop check --propose makes a profile of it", name)
		}
	}
	if f.would == "-" {
		return opts, errors.New("--would -: give a file")
	}
	if err := f.targetFlags.apply(&opts, "scallop denials"); err != nil {
		return opts, err
	}
	return opts, f.lifeFlags.apply(&opts, f.set.Changed("settle"))
}

// runWould rehearses a profile: no filter is loaded, and the recorder tells which calls it would deny.
func runWould(e *env, f *denialsFlags) error {
	opts, err := f.wouldOptions()
	if err != nil {
		return usageError(err)
	}
	judge, err := newWouldJudge(e, f)
	if err != nil {
		return err
	}
	r := newRehearsal(judge, newWouldLog(e, f))
	opts.Log, opts.Save = r.watched, r.save
	opts.Warn = func(format string, args ...any) { warn(e, format, args...) }
	result, err := watchTargets(e, &f.targetFlags, fmt.Sprintf("would-%d", os.Getpid()), opts, denialsFailure)
	if err != nil {
		return err
	}
	if f.output == "table" {
		var out strings.Builder
		r.writeTable(&out, terminalOf(e, e.stdout))
		if err := writeOutput(e, "-", []byte(out.String())); err != nil {
			return err
		}
	}
	return r.exit(result)
}

func (r *rehearsal) exit(result watch.Result) error {
	switch {
	case r.denied() > 0:
		return codeOnly(exitFinding)
	case result.Lost > 0:
		return incompleteError(fmt.Errorf("nothing would be denied to what was seen, but %s not watched: there was no room: allow more with --max-workloads", plural(result.Lost, "new workload")))
	case result.Incomplete > 0:
		return incompleteError(fmt.Errorf("nothing would be denied to what was seen, but the calls of %s are incomplete: scallop record says why", plural(result.Incomplete, "workload")))
	case len(result.Missing) > 0:
		return usageError(fmt.Errorf("%s not found: see the warnings", plural(len(result.Missing), "target")))
	}
	return nil
}
