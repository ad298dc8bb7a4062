// Package confine starts a command under a seccomp filter as container runtimes do: a process between scallop and the
// command, the helper, loads the filter as the very last thing before the command's execve. Without a filter it still is
// the process that can be moved into a cgroup before the command begins.
//
// The helper is scallop itself, executed once more. That needs no cgo and no C, and nothing has to be
// allowed for the sake of a filter that scallop's own threads would have. Between the filter and the command lies one
// single call, the execve: a profile that does not allow it cannot start anything, here as well as under runc.
//
// The helper runs a copy of scallop that no path leads to, as runc does: a recorder takes it for a
// runtime's process, and files its calls under setup and the execve under handover (bpf/leader.h).
package confine

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// Command is the hidden argument that makes scallop the helper: it must call Exec.
const Command = "confine-exec"

// Filter is a compiled seccomp filter and how it is loaded.
type Filter struct {
	Program []unix.SockFilter // empty: none
	Flags   uint              // SECCOMP_FILTER_FLAG_…
	// NoNewPrivs sets no_new_privs before. Without it loading needs CAP_SYS_ADMIN, and the command may gain
	// privileges by its execve: so does Docker without --security-opt no-new-privileges.
	NoNewPrivs bool
}

// request is what the helper is told.
type request struct {
	Path       string
	Args, Env  []string
	Program    []unix.SockFilter
	Flags      uint
	NoNewPrivs bool
	User       *syscall.Credential
}

// Steps of the helper that can fail.
const (
	stepUser   = "user"
	stepFilter = "filter"
	stepExecve = "execve"
)

// StepError says which step of the helper failed, so that the command was never started.
type StepError struct {
	Step   string
	Errno  syscall.Errno
	Killed bool // the filter killed the thread that made the execve
}

func (e *StepError) Error() string {
	switch {
	case e.Killed:
		return "the filter killed the command's execve"
	case e.Step == stepFilter && e.Errno == unix.EACCES:
		return fmt.Sprintf("loading the filter: %v: run as root with cap_sys_admin, or use --no-new-privileges", e.Errno)
	case e.Step == stepFilter:
		return fmt.Sprintf("loading the filter: %v: has this kernel CONFIG_SECCOMP_FILTER?", e.Errno)
	case e.Step == stepUser:
		return fmt.Sprintf("becoming the command's user: %v: --user needs cap_setuid and cap_setgid: run as root", e.Errno)
	}
	return e.Errno.Error()
}

// Unwrap gives the cause.
func (e *StepError) Unwrap() error { return e.Errno }

// OfExecve tells whether it was the command's execve that failed, not a step before it.
func (e *StepError) OfExecve() bool { return e.Step == stepExecve }

// Handover is a command that the helper is to become.
type Handover struct {
	request request
	theirs  []*os.File // the helper's ends and program, in the order of its descriptors from 3 on
	give    *os.File   // the request
	take    *os.File   // the status
}

// Descriptors of the helper.
const (
	requestFD = 3 + iota
	statusFD
	programFD
)

// Prepare makes cmd one that starts the helper. After cmd.Start comes Await; without it, Close.
func Prepare(cmd *exec.Cmd, f *Filter) (*Handover, error) {
	h := &Handover{request: request{
		Path: cmd.Path, Args: cmd.Args, Env: cmd.Env, // as they would be without a filter
		Program: f.Program, Flags: f.Flags, NoNewPrivs: f.NoNewPrivs,
	}}
	if _, err := newExecve(&h.request); err != nil {
		return nil, err
	}
	if attr := cmd.SysProcAttr; attr != nil {
		// The helper becomes the user itself: after that it could not load a filter.
		h.request.User, attr.Credential = attr.Credential, nil
	}
	if err := h.open(); err != nil {
		h.Close()
		return nil, err
	}
	cmd.Path = fmt.Sprintf("/proc/self/fd/%d", programFD)
	cmd.Args = []string{os.Args[0], Command}
	cmd.Env = []string{"GODEBUG=asyncpreemptoff=1"} // see Exec
	cmd.ExtraFiles = h.theirs
	return h, nil
}

func (h *Handover) open() error {
	requestEnd, give, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe to the command's helper: %w", err)
	}
	h.give = give
	h.theirs = append(h.theirs, requestEnd)
	take, statusEnd, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe from the command's helper: %w", err)
	}
	h.take = take
	h.theirs = append(h.theirs, statusEnd)
	program, err := ownCopy()
	if err != nil {
		return fmt.Errorf("copying scallop for the command's helper: %w: is memfd_create(2) or executing its files refused (vm.memfd_noexec)?", err)
	}
	h.theirs = append(h.theirs, program)
	return nil
}

// ownCopy is this program in memory: same size, and no path leads to it.
func ownCopy() (*os.File, error) {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer self.Close()
	const name = "scallop-helper"
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // Linux before 6.3 has no MFD_EXEC
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	}
	if err != nil {
		return nil, err
	}
	memory := os.NewFile(uintptr(fd), name)
	if _, err := io.Copy(memory, self); err != nil {
		memory.Close()
		return nil, err
	}
	return memory, nil
}

// Await gives the helper its request, and returns when the command has made its execve, or with a StepError. What is to be done to
// the helper first, ready does, while nothing but the request is missing; it may be nil.
// A helper that was killed as a whole counts as started: its end tells what happened.
func (h *Handover) Await(ready func() error) error {
	defer h.Close()
	for _, f := range h.theirs {
		f.Close() // or the end of the helper would not show
	}
	if _, err := io.ReadFull(h.take, make([]byte, 1)); err != nil {
		return fmt.Errorf("waiting for the command's helper: %w: is executing scallop's own program refused?", err)
	}
	if ready != nil {
		if err := ready(); err != nil {
			return err
		}
	}
	sent := gob.NewEncoder(h.give).Encode(h.request)
	_ = h.give.Close()
	var failed StepError
	err := gob.NewDecoder(h.take).Decode(&failed)
	switch {
	case errors.Is(err, io.EOF) && sent == nil:
		return nil // closed by the execve
	case errors.Is(err, io.EOF):
		return fmt.Errorf("telling the command's helper what to start: %w", sent)
	case err != nil:
		return fmt.Errorf("hearing from the command's helper: %w", err)
	}
	return &failed
}

// Close frees what is open. It may be called twice.
func (h *Handover) Close() {
	for _, f := range h.theirs {
		f.Close()
	}
	for _, f := range []*os.File{h.give, h.take} {
		if f != nil {
			f.Close()
		}
	}
}
