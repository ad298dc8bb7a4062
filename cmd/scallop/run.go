package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/control"
	"github.com/scallop-sec/scallop/profiler/launch"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/session"
)

func newRunCmd(e *env) *cobra.Command {
	f := &runFlags{}
	cmd := &cobra.Command{
		Use:   "run [flags] -- CMD [ARG…]",
		Short: "Profile a command from its first call to its last",
		Long: `Run a command in a cgroup of its own and record every system call of every process in it,
filed under startup, steady and shutdown. Standard streams and the terminal are the command's.

Startup ends when the command is ready: at the first --ready-… that applies, at READY=1 on its
NOTIFY_SOCKET, at scallop mark NAME steady, or, if no --ready-… is given, when no call
was seen for the first time for --settle. A stop signal to the command begins shutdown.

The first Ctrl-C (or SIGTERM) stops the command, the second kills it; the recording is written in either
case.`,
		Example: `  scallop run -- ls -l
  scallop run --ready-http http://127.0.0.1/ -o nginx.json -- nginx -g 'daemon off;'
  scallop run --ready-tcp 127.0.0.1:6379 --stop-after 30s -- redis-server`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError(errors.New("no command to run: name one after `--`, as in: scallop run -- ls -l"))
			}
			return runCommand(e, f, cmd.Flags(), args)
		},
	}
	addRunFlags(cmd.Flags(), f)
	return cmd
}

func runCommand(e *env, f *runFlags, flags *pflag.FlagSet, args []string) error {
	opts, err := f.options(e, flags, args)
	if err != nil {
		return usageError(err)
	}
	server, err := control.Listen(runtimeDir(e), opts.Name)
	if err != nil {
		return hostError(err)
	}
	defer server.Close()
	out := &recordingFile{env: e, path: f.outputPath(opts.Name)}
	if err := out.check(); err != nil {
		return err
	}
	opts.Save = out.checkpoint
	opts.Report = reporter(e, f.quiet)
	opts.Warn = func(format string, args ...any) { warn(e, format, args...) }
	opts.Started = func() { limit(e, "run", f.readyExec) }
	stop := connect(e.ctx, &opts, server)
	defer stop()

	result, err := session.Run(e.ctx, opts)
	if err != nil {
		return startFailure(err)
	}
	if err := out.write(result); err != nil {
		return err
	}
	if !f.quiet {
		summarize(e.stderr, result, out.path)
	}
	return exitFor(result, f.passthrough)
}

// startFailure tells what the user named wrongly from what the host cannot do.
func startFailure(err error) error {
	var command *launch.CommandError
	if errors.As(err, &command) {
		return usageError(err)
	}
	return hostError(err)
}

// connect gives the session its signals and marks until the returned function is called.
func connect(ctx context.Context, opts *session.Options, server *control.Server) (stop func()) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGCONT, syscall.SIGWINCH)
	marks := make(chan session.MarkRequest)
	opts.Signals, opts.Marks = signals, marks
	ctx, cancel := context.WithCancel(ctx)
	go server.Serve(ctx, func(ctx context.Context, r control.Request) error {
		if r.Workload != "" {
			return control.ErrUnknown
		}
		answer := make(chan error, 1)
		select {
		case marks <- session.MarkRequest{Phase: r.Phase, Answer: answer}:
			return <-answer
		case <-ctx.Done():
			return errors.New("the recording is just ending: mark earlier")
		}
	})
	return func() {
		signal.Stop(signals)
		cancel()
	}
}

// reporter prints progress, on a terminal only.
func reporter(e *env, quiet bool) func(string, ...any) {
	if quiet || !terminalOf(e, e.stderr).tty {
		return func(string, ...any) {}
	}
	return func(format string, args ...any) {
		fmt.Fprintf(e.stderr, "scallop: "+format+"\n", args...)
	}
}

func warn(e *env, format string, args ...any) {
	fmt.Fprintf(e.stderr, "scallop: warning: %s\n", oneLine(fmt.Errorf(format, args...)))
}

// exitFor is the exit code that the recording asks for.
func exitFor(r *recording.Recording, passthrough bool) error {
	leader := r.Workload.Leader
	switch {
	case passthrough && leader.ExitCode != nil:
		return codeOnly(*leader.ExitCode)
	case passthrough && leader.Signal != "":
		return codeOnly(128 + int(unix.SignalNum(leader.Signal)))
	case !r.Complete:
		return incompleteError(fmt.Errorf("the recording is incomplete: %s", strings.Join(r.Incomplete, "; ")))
	}
	return nil
}

func codeOnly(code int) error {
	if code == 0 {
		return nil
	}
	return &exitError{code: code}
}
