package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scallop-sec/scallop/profiler/hook"
)

// hookFlags are the flags of `scallop hook`.
type hookFlags struct {
	printConfig bool
	stage       string
	below       []string
	timeout     time.Duration
	recorder    bool
}

// attachTimeout is how long a container's start is held up at most. oci-seccomp-bpf-hook takes as long.
const attachTimeout = 10 * time.Second

func newHookCmd(e *env) *cobra.Command {
	f := &hookFlags{}
	cmd := &cobra.Command{
		Use:   "hook [flags]",
		Short: "Profile containers by annotation, as an OCI hook of Podman and CRI-O",
		Long: `An OCI hook in place of oci-seccomp-bpf-hook: the engine calls it for each container that has the
annotation io.containers.trace-syscall, at the stage prestart or createRuntime, with the
container's state on standard input. It returns once the container is being recorded; when
the container is gone, its profile is written.

The annotation's value holds absolute paths, separated by semicolons, in any order:
  of:PATH  write the profile here, in Docker's and Podman's format
  if:PATH  extend this profile: what it allows stays allowed, and calls that it denies stay
           denied, with their action; its architectures and conditions are kept
  rf:PATH  write the recording here, too

In a pod, io.containers.trace-syscall/NAME is for the container NAME alone.

What is wrong before the start is an error of the engine's, and the container does not start. Afterwards
messages go to the system's log, as scallop-hook. If there is no profile in the end, PATH.error says why.

Who may set annotations says where root writes files: limit that with --below.`,
		Example: `  scallop hook --print-config > /usr/share/containers/oci/hooks.d/scallop.json
  podman run --annotation io.containers.trace-syscall=of:/tmp/web.json nginx
  podman run --annotation 'io.containers.trace-syscall=if:/tmp/web.json;of:/tmp/web.json' nginx`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			switch {
			case f.printConfig:
				return printHookConfig(e, f)
			case f.recorder:
				return runHookRecorder(e)
			}
			return logged(runHook(e, f))
		},
	}
	addHookFlags(cmd, f)
	return cmd
}

func addHookFlags(cmd *cobra.Command, f *hookFlags) {
	flags := cmd.Flags()
	flags.BoolVar(&f.printConfig, "print-config", false, "print the file for hooks.d that has the engine call this scallop")
	flags.StringVar(&f.stage, "stage", hook.Stages[0], "`STAGE` for --print-config: "+strings.Join(hook.Stages, ", "))
	flags.StringArrayVar(&f.below, "below", nil, "refuse files that are not below `DIR`; repeatable")
	flags.DurationVar(&f.timeout, "timeout", attachTimeout, "fail the container's start if it is not being recorded after `DURATION`")
	flags.BoolVar(&f.recorder, "recorder", false, "record the container whose job is on standard input")
	_ = flags.MarkHidden("recorder")
	completeValues(cmd, "stage", hook.Stages...)
}

// printHookConfig passes the flags that are meant for the hook on to it.
func printHookConfig(e *env, f *hookFlags) error {
	self, err := os.Executable()
	if err != nil {
		return hostError(fmt.Errorf("finding scallop's own program for the configuration: %w: is /proc mounted?", err))
	}
	args := []string{"hook"}
	for _, dir := range f.below {
		args = append(args, "--below", dir)
	}
	if f.timeout != attachTimeout {
		args = append(args, "--timeout", f.timeout.String())
	}
	data, err := hook.Config(self, args, f.stage)
	if err != nil {
		return usageError(fmt.Errorf("--stage: %w", err))
	}
	return writeOutput(e, "-", data)
}

// runHook starts the recorder of one container. No error and no recorder: nobody asked for one.
func runHook(e *env, f *hookFlags) error {
	state, err := hook.ReadState(e.stdin)
	if err != nil {
		return usageError(err)
	}
	value, found, err := hook.Find(state)
	if err != nil {
		return usageError(err)
	}
	if !found {
		return nil
	}
	job, err := newHookJob(state, value, f.below)
	if err != nil {
		return err
	}
	data, err := json.Marshal(job)
	if err != nil {
		return hostError(fmt.Errorf("passing the container's state to its recorder: %w", err))
	}
	return startHookRecorder(e.ctx, data, f.timeout)
}

// logged keeps an error for the log, too: engines show it to who starts the container, if to anybody.
func logged(err error) error {
	if err != nil {
		openHookLog().failure(errors.New(oneLine(err)))
	}
	return err
}
