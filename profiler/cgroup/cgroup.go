package cgroup

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Cgroup is one directory of the hierarchy.
type Cgroup struct {
	Mount Mount
	Path  string // below the mount, "/" first
}

// Create makes a fresh cgroup below scallop's own one, so that the limits
// which hold for scallop hold for its workload.
func Create(m Mount, name string) (*Cgroup, error) {
	own, err := m.Own()
	if err != nil {
		return nil, err
	}
	c := &Cgroup{Mount: m, Path: filepath.Join(own, name)}
	if err := os.Mkdir(c.Dir(), 0o755); err != nil {
		return nil, fmt.Errorf("making a cgroup for the workload: %w: run as root with cap_dac_override, with %s mounted for writing", err, m.Path)
	}
	return c, nil
}

// Dir is the cgroup's directory.
func (c *Cgroup) Dir() string { return filepath.Join(c.Mount.Path, c.Path) }

// ID is what the kernel side knows the cgroup by.
func (c *Cgroup) ID() (uint64, error) { return ID(c.Dir()) }

// ID of the cgroup whose directory is dir: its file handle, see open_by_handle_at(2). v1 hierarchies give theirs, too, since Linux 5.5.
func ID(dir string) (uint64, error) {
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, dir, 0)
	if errors.Is(err, unix.EACCES) {
		return 0, Closed(fmt.Errorf("asking for the ID of cgroup %s: %w", dir, err))
	}
	if err != nil {
		return 0, fmt.Errorf("asking for the ID of cgroup %s: %w: is name_to_handle_at(2) refused by a seccomp filter? Then run outside the container", dir, err)
	}
	if handle.Size() != 8 {
		return 0, fmt.Errorf("asking for the ID of cgroup %s: a handle of %d bytes, not 8: is it the directory of a cgroup?", dir, handle.Size())
	}
	return binary.NativeEndian.Uint64(handle.Bytes()), nil
}

// PathOf a live cgroup, below the mount, by its ID: ESTALE if it is gone, EPERM without cap_dac_read_search. See open_by_handle_at(2).
func PathOf(m Mount, id uint64) (string, error) {
	mount, err := os.Open(m.Path)
	if err != nil {
		return "", fmt.Errorf("opening the cgroup mount: %w", err)
	}
	defer mount.Close()
	handle := unix.NewFileHandle(fileIDKernfs, binary.NativeEndian.AppendUint64(nil, id))
	fd, err := unix.OpenByHandleAt(int(mount.Fd()), handle, unix.O_PATH)
	if errors.Is(err, unix.EPERM) {
		return "", fmt.Errorf("opening cgroup %d: %w: add cap_dac_read_search", id, err)
	}
	if err != nil {
		return "", fmt.Errorf("opening cgroup %d: %w", id, err)
	}
	defer unix.Close(fd)
	dir, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return "", fmt.Errorf("asking for the path of cgroup %d: %w", id, err)
	}
	return "/" + strings.TrimPrefix(strings.TrimPrefix(dir, m.Path), "/"), nil
}

// fileIDKernfs is the type of file handles of kernfs: FILEID_KERNFS, include/linux/exportfs.h.
const fileIDKernfs = 0xfe

// Populated tells whether a live process is in the cgroup or below it.
func (c *Cgroup) Populated() (bool, error) {
	if c.Mount.Controller != "" {
		return c.populatedV1()
	}
	text, err := os.ReadFile(filepath.Join(c.Dir(), "cgroup.events"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return false, nil // removed by somebody else
	}
	if err != nil {
		return false, fmt.Errorf("asking whether cgroup %s is empty: %w", c.Path, err)
	}
	return strings.Contains(string(text), "populated 1"), nil
}

// pollTimeout bounds how long a wait goes on after its context has ended, and heals
// a notification that was missed.
const pollTimeout = 100 * time.Millisecond

// WaitEmpty returns when no live process is left in the cgroup and below it.
func (c *Cgroup) WaitEmpty(ctx context.Context) error {
	if c.Mount.Controller != "" {
		return c.waitEmptyV1(ctx)
	}
	events, err := os.Open(filepath.Join(c.Dir(), "cgroup.events"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("watching cgroup %s: %w", c.Path, err)
	}
	defer events.Close()
	for {
		populated, err := c.Populated()
		if err != nil || !populated {
			return err
		}
		// kernfs notifies POLLPRI after the file was read.
		fds := []unix.PollFd{{Fd: int32(events.Fd()), Events: unix.POLLPRI}}
		var buf [128]byte
		_, _ = events.ReadAt(buf[:], 0)
		if _, err := unix.Poll(fds, int(pollTimeout.Milliseconds())); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("watching cgroup %s: %w", c.Path, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// Procs lists the processes in the cgroup and below it.
func (c *Cgroup) Procs() ([]int, error) {
	var pids []int
	err := c.walk(func(dir string) error {
		own, err := procs(dir)
		pids = append(pids, own...)
		return err
	})
	return pids, Closed(err)
}

// Closed adds the next step to the error of looking into a cgroup that is closed to scallop.
func Closed(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: run as root with cap_dac_override", err)
	}
	return err
}

// OwnProcs lists the processes in the cgroup itself, none if it is gone.
func (c *Cgroup) OwnProcs() ([]int, error) {
	pids, err := procs(c.Dir())
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil, nil
	}
	return pids, err
}

// procsFile lists a cgroup's processes, and takes those that are to join it.
const procsFile = "cgroup.procs"

func procs(dir string) ([]int, error) {
	text, err := os.ReadFile(filepath.Join(dir, procsFile))
	var pids []int
	for _, field := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(field); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, err
}

// Kill sends SIGKILL to every process in the cgroup and below it: through
// cgroup.kill (Linux 5.14) or, before, one by one.
func (c *Cgroup) Kill() error {
	// Not os.WriteFile: it would try to create the file, which is another error.
	kill, err := os.OpenFile(filepath.Join(c.Dir(), "cgroup.kill"), os.O_WRONLY, 0)
	if err == nil {
		_, err = kill.WriteString("1")
		return errors.Join(err, kill.Close())
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return c.killEach()
}

// killEach goes on until nobody is left, for a while: processes may fork meanwhile.
func (c *Cgroup) killEach() error {
	for range 200 {
		pids, err := c.Procs()
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL) // it may be gone
		}
		time.Sleep(5 * time.Millisecond)
	}
	return fmt.Errorf("some processes of cgroup %s do not die", c.Path)
}

// Remove removes the cgroup and those that the workload made below it. They must be
// empty.
func (c *Cgroup) Remove() error {
	var dirs []string
	if err := c.walk(func(dir string) error { dirs = append(dirs, dir); return nil }); err != nil {
		return err
	}
	var failed error
	for i := len(dirs) - 1; i >= 0; i-- {
		if err := removeDir(dirs[i]); err != nil {
			failed = errors.Join(failed, fmt.Errorf("removing cgroup %s: %w: remove it with rmdir once its processes are gone", dirs[i], err))
		}
	}
	return failed
}

// busyTimeout is for processes that were killed: on a busy host they die late.
const busyTimeout = 3 * time.Second

// removeDir retries: a process that has just ended may keep its cgroup busy (cgroup-v2.rst, "populated").
func removeDir(dir string) error {
	for deadline := time.Now().Add(busyTimeout); ; time.Sleep(2 * time.Millisecond) {
		err := unix.Rmdir(dir)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) || time.Now().After(deadline) {
			return err
		}
	}
}

// walk visits the cgroup and those below it, parents first. One that vanishes
// meanwhile is passed over.
func (c *Cgroup) walk(visit func(dir string) error) error {
	return filepath.WalkDir(c.Dir(), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if !d.IsDir() {
			return nil
		}
		if err := visit(path); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENODEV) {
			return err
		}
		return nil
	})
}
