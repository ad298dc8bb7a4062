package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/hook"
)

// hookJob is what the hook asks its detached recorder to do.
type hookJob struct {
	State   specs.State  `json:"state"`
	Request hook.Request `json:"request"`
	Input   []byte       `json:"input,omitempty"` // the profile in Request.Input, as it was at the container's start
	Cgroup  string       `json:"cgroup"`          // below the cgroup2 mount
	Runtime string       `json:"runtime"`         // that called the hook
}

// newHookJob checks all that can go wrong before the container runs: what is found later is
// found too late.
func newHookJob(state *specs.State, value string, below []string) (*hookJob, error) {
	request, err := hook.ParseAnnotation(value)
	if err != nil {
		return nil, usageError(err)
	}
	job := &hookJob{State: *state, Request: request}
	for _, path := range []string{request.Output, request.Input, request.Recording} {
		if err := checkBelow(path, below); err != nil {
			return nil, usageError(err)
		}
	}
	for _, path := range []string{request.Output, request.Recording} {
		if err := checkHookFile(path); err != nil {
			return nil, err
		}
	}
	if job.Input, err = readHookInput(request.Input); err != nil {
		return nil, usageError(err)
	}
	if job.Cgroup, err = containerCgroup(state.Pid); err != nil {
		return nil, hostError(err)
	}
	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", os.Getppid())); err == nil {
		job.Runtime = hook.Runtime(exe)
	}
	return job, nil
}

// checkBelow keeps annotations from naming any file of the host.
func checkBelow(path string, dirs []string) error {
	if path == "" || len(dirs) == 0 {
		return nil
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return hookFileError(path, err)
	}
	for _, dir := range dirs {
		if dir, err = filepath.EvalSymlinks(dir); err != nil {
			return fmt.Errorf("--below: %w: create the folder first", err)
		}
		if parent == dir || strings.HasPrefix(parent, strings.TrimSuffix(dir, "/")+"/") {
			return nil
		}
	}
	return fmt.Errorf("annotation %s names %s, and this host allows files below %s only: name one there",
		hook.Annotation, path, strings.Join(dirs, ", "))
}

// readHookInput reads the profile that is to be extended, and checks it.
func readHookInput(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // not to wait for a pipe's writer
	if err != nil {
		return nil, hookFileError(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, hook.MaxProfile+1))
	if err != nil {
		return nil, hookFileError(path, err)
	}
	if _, err := hook.ParseProfile(data); err != nil {
		return nil, fmt.Errorf("if:%s: %w", path, err)
	}
	return data, nil
}

// containerCgroup is the cgroup of a container's first process, which the runtime has put there.
func containerCgroup(pid int) (string, error) {
	mount, err := cgroup.FindMount()
	if err != nil {
		return "", err
	}
	container, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return "", fmt.Errorf("finding the container's cgroup: %w: is its process %d gone already?", err, pid)
	}
	own, err := mount.Own()
	if err != nil {
		return "", err
	}
	path := mount.ParseOwn(string(container))
	return path, hook.OwnCgroup(path, own)
}

// checkHookFile fails if the file could not be written after the container's life.
func checkHookFile(path string) error {
	if path == "" {
		return nil
	}
	if err := checkRegular(path); err != nil {
		return err
	}
	probe, err := createTemporary(filepath.Dir(path))
	if err != nil {
		return outputError(path, err)
	}
	_, err = probe.Write(make([]byte, probeBytes))
	return outputError(path, errors.Join(err, probe.Close(), os.Remove(probe.Name())))
}

// writeHookFile puts a new file in the place of what is there.
func writeHookFile(path string, data []byte) error {
	if err := checkRegular(path); err != nil {
		return err
	}
	return outputError(path, writeAtomically(path, data, os.Rename))
}

// checkRegular refuses what a new file must not take the place of. Links are not followed: who may write to a folder
// like /tmp could have root overwrite any file.
func checkRegular(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return outputError(path, err)
	case info.IsDir():
		return usageError(fmt.Errorf("write %s: it is a folder: give the name of a file", path))
	case info.Mode()&fs.ModeSymlink != 0:
		return usageError(fmt.Errorf("write %s: it is a link, which the hook does not follow: give the name of the file itself", path))
	case !info.Mode().IsRegular():
		return usageError(fmt.Errorf("write %s: it is a device, pipe or socket: give the name of a file", path))
	}
	return nil
}

func hookFileError(path string, err error) error {
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		err = errno
	}
	return fmt.Errorf("%s: %w: check the path in the annotation %s", path, err, hook.Annotation)
}
