package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/scallop-sec/scallop/profiler/control"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/session"
)

func newVerifyCmd(e *env) *cobra.Command {
	f := &verifyFlags{}
	cmd := &cobra.Command{
		Use:   "verify [flags] PROFILE -- CMD [ARG…]",
		Short: "Run a command under a profile, and tell what was denied",
		Long: `Run a command in a cgroup of its own under a seccomp profile, and watch through the kernel what the
profile denies to it and to all that it starts: no audit daemon is needed.

PROFILE is a file in Docker's, Podman's or OCI's format, or docker-default or podman-default. It is resolved
for this host and compiled as runtimes do it, and loaded right before the command's execve. The
execve itself is the first call under it. As in Docker, no_new_privs is not set: use --no-new-privileges.

What the profile answers with ENOSYS on purpose, so that the C library takes an older call (clone3, of which a
filter cannot see the flags), is listed apart and is no denial, unless --strict is given or the
recording has the call.

Exit codes: 0 nothing was denied; 1 something was, also if the command could not start for it; 2 usage or bad
input; 3 this host cannot do it; 4 the watch missed something. With --passthrough-exit it is the
command's own.

A green run tells of what ran. Lead the command through the same life as when it was recorded, with the
--ready-… and --stop-… flags of scallop run, and name the recording: --recording FILE says which of its
phases were not reached, and which of its calls were not made.`,
		Example: `  scallop verify nginx-seccomp.json -- nginx -g 'daemon off;'
  scallop verify --ready-tcp 127.0.0.1:6379 --stop-after 5s --recording redis.json redis-seccomp.json -- redis-server
  scallop verify --log-only --output json -o denied.json docker-default -- make test`,
		RunE: func(cmd *cobra.Command, args []string) error {
			profile, command, err := verifyArgs(cmd.ArgsLenAtDash(), args)
			if err != nil {
				return usageError(err)
			}
			return runVerify(e, f, cmd.Flags(), profile, command)
		},
	}
	addVerifyFlags(cmd, f)
	return cmd
}

// verifyArgs tells the profile from the command. Without interspersed flags `--` stands behind the profile,
// where pflag takes it for an argument.
func verifyArgs(dash int, args []string) (profile string, command []string, err error) {
	if dash == 0 || len(args) == 0 {
		return "", nil, errors.New("no profile: give one before `--`, as in: scallop verify profile.json -- ls -l")
	}
	profile, command = args[0], args[1:]
	if dash < 0 && len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	if len(command) == 0 {
		return "", nil, errors.New("no command to run: name one after `--`, as in: scallop verify profile.json -- ls -l")
	}
	return profile, command, nil
}

func runVerify(e *env, f *verifyFlags, flags *pflag.FlagSet, path string, command []string) error {
	opts, err := f.options(e, flags, command)
	if err != nil {
		return usageError(err)
	}
	p, err := f.profile(e, path)
	if err != nil {
		return err
	}
	expected, err := f.expected(e)
	if err != nil {
		return err
	}
	opts.Launch.Filter, opts.Judges = p.filter, p.judges
	outcome, err := verifySession(e, f, opts)
	if err != nil && (outcome == nil || len(outcome.Denials) == 0) {
		return startFailure(err)
	}
	report := newVerification(p, command, outcome, expected, f.strict)
	if err := f.write(e, report); err != nil {
		return err
	}
	return verifyExit(report, outcome.Recording, f.passthrough)
}

// verifySession runs the command with all that `scallop run` gives it.
func verifySession(e *env, f *verifyFlags, opts session.Options) (*session.Outcome, error) {
	server, err := control.Listen(runtimeDir(e), opts.Name)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	opts.Report = reporter(e, f.quiet)
	opts.Warn = func(format string, args ...any) { warn(e, format, args...) }
	stop := connect(e.ctx, &opts, server)
	defer stop()
	return session.Confine(e.ctx, opts)
}

// verifyExit is the exit code that the report asks for. What was denied is on the report already.
func verifyExit(v *verification, r *recording.Recording, passthrough bool) error {
	switch {
	case passthrough && r != nil && (r.Workload.Leader.ExitCode != nil || r.Workload.Leader.Signal != ""):
		return exitFor(r, true)
	case len(v.Denials) > 0:
		return codeOnly(exitFinding)
	case len(v.Incomplete) > 0:
		return incompleteError(fmt.Errorf("nothing was seen to be denied, but not everything was seen: %s", strings.Join(v.Incomplete, "; ")))
	}
	return nil
}
