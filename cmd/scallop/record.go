package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scallop-sec/scallop/profiler/pins"
	"github.com/scallop-sec/scallop/profiler/watch"
)

func newRecordCmd(e *env) *cobra.Command {
	f := &recordFlags{}
	cmd := &cobra.Command{
		Use:   "record [flags] TARGET…",
		Short: "Profile containers, pods, units, cgroups, PIDs, or the whole node",
		Long: `Record every system call of workloads that others start, without touching them: no restart, no ptrace,
no change to their configuration. Each workload gets a file in the output folder.

Targets are flags, repeatable and mixed. One that runs already is recorded from now on: its startup is
unseen. With --wait (and for everything new with --all) it is recorded from the birth of its cgroup, its first call
included, however short its life.

Startup ends when the container is healthy, if its engine looks after that, at the first --ready-… that
applies, at scallop mark NAME steady, or when no call was seen for the first time for --settle. The stop signal that the
container is configured with begins shutdown.

Recording ends when all that was named has ended, after --duration, or at Ctrl-C (or SIGTERM). The workloads
go on undisturbed.`,
		Example: `  scallop record --container web
  scallop record --container web --wait -o recordings
  scallop record --pod shop/cart-0 --unit nginx --duration 10m
  scallop record --all --exclude 'scallop*' -o recordings
  scallop record --all -o recordings --pin node    and later: --resume node, --unpin node`,
		Args: targetsAreFlags,
		RunE: func(*cobra.Command, []string) error { return runRecord(e, f) },
	}
	addRecordFlags(cmd.Flags(), f)
	completeValues(cmd, "output", recordOutputs...)
	completeFrom(cmd, pins.Names, "resume", "unpin")
	return cmd
}

// targetsAreFlags: a bare name could be that of a container, a unit or a cgroup.
func targetsAreFlags(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError(fmt.Errorf("%.64q: say what it is the name of: --container, --pod, --unit, --cgroup or --pid", args[0]))
}

func runRecord(e *env, f *recordFlags) error {
	if err := f.checkPin(); err != nil {
		return usageError(err)
	}
	if f.taken() == "" {
		if _, err := f.options(); err != nil {
			return usageError(err) // before anything is made
		}
	}
	pin, f, err := openPin(e, f)
	if err != nil {
		return err
	}
	opts, err := f.options()
	if err == nil {
		if pin != nil {
			opts.Pin, opts.Resume, opts.End = pin, f.resume != "", f.unpin != ""
		}
		err = recordWith(e, f, opts)
	}
	return f.closePin(pin, err)
}

// recordWith records with options that are checked.
func recordWith(e *env, f *recordFlags, opts watch.Options) error {
	opts.Warn = func(format string, args ...any) { warn(e, format, args...) }
	opts.Log = afterRecording(recordLogger(e, f), func() { limit(e, "record", f.readyExec) })
	dir := &recordingDir{env: e, path: f.outputDir, files: map[string]string{}}
	if err := dir.check(); err != nil {
		return err
	}
	opts.Save = dir.save
	result, err := watchTargets(e, &f.targetFlags, f.recorderName(), opts, f.failure)
	if err != nil {
		return err
	}
	return recordExit(e, f, result, dir)
}

// failure tells what the user named wrongly from what the host cannot do.
func (f *recordFlags) failure(result watch.Result, err error) error {
	switch {
	case f.unpin != "":
		return hostError(fmt.Errorf("%w: there are no recordings; it is no longer pinned", err))
	case f.resume != "":
		return hostError(fmt.Errorf("%w: give it up with --unpin %s", err, f.resume))
	case len(result.Missing) > 0:
		// Each was a warning already; the last word is a short one.
		return usageError(errors.New("nothing to record: no target was found: name others, or wait for them with --wait"))
	}
	return hostError(err)
}

// recordExit is what became of the recordings, as an exit code.
func recordExit(e *env, f *recordFlags, r watch.Result, dir *recordingDir) error {
	if !f.quiet && !f.json() {
		f.sayRecorded(e, r, dir.path)
	}
	switch {
	case r.Unsaved > 0:
		return hostError(fmt.Errorf("%d of %s not written to %s: see the warnings", r.Unsaved, plural(r.Recordings, "recording"), dir.path))
	case r.Lost > 0:
		return incompleteError(fmt.Errorf("%s not recorded: there was no room: allow more with --max-workloads", plural(r.Lost, "new workload")))
	case r.Incomplete > 0:
		return incompleteError(fmt.Errorf("%d of %s incomplete: scallop show names the reasons", r.Incomplete, plural(r.Recordings, "recording")))
	case len(r.Missing) > 0:
		return usageError(fmt.Errorf("%s not found: see the warnings", plural(len(r.Missing), "target")))
	}
	return nil
}

// sayRecorded tells people what came of it.
func (f *recordFlags) sayRecorded(e *env, r watch.Result, dir string) {
	if r.Unwatched > 0 {
		fmt.Fprintf(e.stderr, "scallop: the kernel counted alone for %s, while nobody was watching\n", span(r.Unwatched.Nanoseconds()))
	}
	if r.Left {
		name := cmp.Or(f.pin, f.resume)
		fmt.Fprintf(e.stderr, "scallop: the kernel goes on counting %s: scallop record --resume %s goes on, --unpin %s ends it; what there is so far is in %s\n",
			plural(r.Pinned, "workload"), name, name, dir)
	}
	if r.Recordings > 0 || !r.Left {
		fmt.Fprintf(e.stderr, "scallop: %s in %s\n", plural(r.Recordings, "recording"), dir)
	}
}

func (f *recordFlags) recorderName() string {
	if name := cmp.Or(f.name, f.pin, f.taken()); name != "" {
		return name
	}
	return fmt.Sprintf("record-%d", os.Getpid())
}

func (f *recordFlags) json() bool { return strings.EqualFold(f.output, "json") }
