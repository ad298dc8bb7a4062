// Package launch starts a command inside a cgroup, so that not one of its calls
// is made outside it.
package launch

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/confine"
)

// Options of a command. Stdin, Stdout and Stderr that are files reach the command
// untouched, terminals included.
type Options struct {
	Args   []string // the command and its arguments
	Env    []string // KEY=VALUE, all of it
	Dir    string   // empty: as scallop's own
	User   *User    // nil: as scallop's own
	Stdin  *os.File
	Stdout io.Writer
	Stderr io.Writer
	Cgroup *cgroup.Cgroup
	Filter *confine.Filter // nil: none
	// Entering is called before a process that was not born in the cgroup is moved there (v1): the kernel tells of a move
	// only when it is done. nil: not called.
	Entering func(pid int) error
}

// CommandError says that the command itself cannot be started: it is not there,
// not executable, or its folder is wrong.
type CommandError struct{ err error }

func (e *CommandError) Error() string { return e.err.Error() }

// Unwrap gives the cause.
func (e *CommandError) Unwrap() error { return e.err }

// pipeDelay bounds how long output is still copied when the command has
// ended and something it left behind holds its pipes.
const pipeDelay = 2 * time.Second

// Start returns when the command has made its execve in the cgroup (see In).
func Start(opts Options) (*exec.Cmd, error) {
	path, err := find(opts.Args[0], opts.Env, opts.Dir)
	if err != nil {
		return nil, &CommandError{err}
	}
	cmd := &exec.Cmd{
		Path:        path,
		Args:        opts.Args,
		Env:         opts.Env,
		Dir:         opts.Dir,
		Stdin:       opts.Stdin,
		Stdout:      opts.Stdout,
		Stderr:      opts.Stderr,
		WaitDelay:   pipeDelay,
		SysProcAttr: &syscall.SysProcAttr{Credential: opts.User.credential()},
	}
	if err := in(opts, cmd); err != nil {
		if next := hostCause(opts, err); next != "" {
			return nil, fmt.Errorf("starting %q in a cgroup of its own: %w: %s", opts.Args[0], reason(err), next)
		}
		if step := (*confine.StepError)(nil); errors.As(err, &step) && !step.OfExecve() {
			return nil, err
		}
		return nil, &CommandError{startError(opts, err)}
	}
	return cmd, nil
}

// find looks a command up in the PATH that it will have itself.
func find(name string, env []string, dir string) (string, error) {
	if name == "" {
		return "", errors.New("the command is empty: name one after `--`")
	}
	if strings.Contains(name, "/") {
		return name, executable(name, dir)
	}
	for _, place := range filepath.SplitList(lookup(env, "PATH")) {
		path := filepath.Join(place, name)
		if !filepath.IsAbs(path) {
			continue // as exec.LookPath: nothing from the current folder by accident
		}
		if executable(path, "") == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("command %q: not found in PATH: check its name, or give its path", name)
}

func executable(path, dir string) error {
	at := path
	if dir != "" && !filepath.IsAbs(path) {
		at = filepath.Join(dir, path)
	}
	info, err := os.Stat(at)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("command %q: no such file: check its path", path)
	case err != nil:
		return fmt.Errorf("command %q: %w: check its path", path, err)
	case info.IsDir():
		return fmt.Errorf("command %q: is a directory: name a program", path)
	case info.Mode()&0o111 == 0:
		return fmt.Errorf("command %q: is not executable: chmod +x it, or name its interpreter", path)
	}
	return nil
}

func lookup(env []string, key string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(env[i], key+"="); ok {
			return value
		}
	}
	return ""
}

func startError(opts Options, err error) error {
	next := "check that it runs without scallop"
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		next = "it is not a program for this machine, or a script without a #! line"
	case errors.Is(err, fs.ErrPermission):
		next = "check the permissions of the file and of the folders above it, for the user that it runs as"
	case opts.Dir != "" && !isDir(opts.Dir):
		next = "--chdir names no directory"
	}
	return fmt.Errorf("starting %q: %w: %s", opts.Args[0], reason(err), next)
}

// reason leaves the path out: it may be the command's or --chdir's.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
