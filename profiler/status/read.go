package status

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
)

// ErrGone tells that a process ended before it was read.
var ErrGone = errors.New("the process has ended")

// Read reads a process from proc, which is /proc. A thread that ends meanwhile is left out; ErrGone if all have. One that is born meanwhile
// may be missing.
func Read(proc fs.FS, pid int) (*Process, error) {
	dir := strconv.Itoa(pid)
	tasks, err := fs.ReadDir(proc, dir+"/task")
	if err != nil {
		return nil, failure(pid, err)
	}
	p := &Process{PID: pid}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			continue
		}
		text, err := fs.ReadFile(proc, dir+"/task/"+task.Name()+"/status")
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, failure(pid, err)
		}
		if err := p.add(tid, text); err != nil {
			return nil, failure(pid, err)
		}
	}
	if len(p.Threads) == 0 {
		return nil, ErrGone
	}
	slices.SortFunc(p.Threads, func(a, b Thread) int { return a.TID - b.TID })
	p.Exe, _ = fs.ReadLink(proc, dir+"/exe") // another user's needs cap_sys_ptrace
	return p, nil
}

func (p *Process) add(tid int, text []byte) error {
	t, err := ParseThread(text)
	if err != nil || t.Dead {
		return err
	}
	t.TID = tid
	p.Threads = append(p.Threads, t)
	if p.Bounding == nil {
		p.Bounding = profiler.BoundingCapabilities(text)
	}
	return nil
}

func failure(pid int, err error) error {
	if gone(err) {
		return ErrGone
	}
	return fmt.Errorf("reading the status of process %d: %w", pid, err)
}

// gone: a file of a task that has ended is not there, or can be opened and not read.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) }
