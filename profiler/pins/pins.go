// Package pins finds the folders of pinned recorders: one on a bpffs for what is in the kernel, one for what
// scallop itself has to remember.
package pins

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/iovisor/gobpf/pkg/bpffs"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
)

// own is scallop's folder on the bpffs. A bpffs that gobpf mounts is open to everyone (mode 1777): only the
// folder keeps others out.
const own = bpffs.BPFFSPath + "/scallop"

// Pin is a pinned recorder, or a name for one.
type Pin struct {
	Name     string
	StateDir string // of scallop's own memory
	lock     *os.File
}

// ErrNone is for a name that nothing is pinned under.
var ErrNone = errors.New("nothing is pinned under that name")

// ErrTaken is for a name that a recorder is pinned under.
var ErrTaken = errors.New("a recorder is pinned under that name")

// ErrBusy is for a pinned recorder that another scallop is watching.
var ErrBusy = errors.New("another scallop is watching it")

// Dir holds the maps, programs and links.
func (p *Pin) Dir() string { return filepath.Join(own, p.Name) }

// Create makes the folders of a new pin. runtimeDir is where scallop keeps its sockets.
func Create(runtimeDir, name string) (*Pin, error) {
	if err := mount(); err != nil {
		return nil, err
	}
	p := &Pin{Name: name, StateDir: stateDir(runtimeDir, name)}
	if err := makeOwn(); err != nil {
		return nil, err
	}
	if err := os.Mkdir(p.Dir(), 0o700); errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("pinning %q: %w: go on with --resume %s, or remove it with --unpin %s", name, ErrTaken, name, name)
	} else if err != nil {
		return nil, fmt.Errorf("pinning %q: %w: run as root", name, err)
	}
	if err := p.makeState(); err != nil {
		return nil, errors.Join(err, os.Remove(p.Dir()))
	}
	return p, p.take()
}

func stateDir(runtimeDir, name string) string { return filepath.Join(runtimeDir, "pinned", name) }

func (p *Pin) makeState() error {
	err := os.RemoveAll(p.StateDir) // of a pin that did not outlive the machine's last start
	if err == nil {
		err = os.MkdirAll(p.StateDir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("pinning %q: making the folder for its state: %w: name another in SCALLOP_RUNTIME_DIR", p.Name, err)
	}
	return nil
}

// mount mounts a bpffs if there is none.
func mount() error {
	mounted, err := bpffs.IsMounted()
	if err == nil && !mounted {
		err = bpffs.Mount()
	}
	if err != nil {
		return &profiler.HostError{Doing: "mounting a bpffs at " + bpffs.BPFFSPath, Err: err, Next: "mount one yourself: mount -t bpf bpf " + bpffs.BPFFSPath}
	}
	return nil
}

// makeOwn makes scallop's folder, or checks that nobody else made it.
func makeOwn() error {
	err := os.Mkdir(own, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making %s: %w: run as root", own, err)
	}
	info, err := os.Lstat(own)
	if err != nil {
		return fmt.Errorf("looking at %s: %w: run as root", own, err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || info.Mode().Perm() != 0o700 || (ok && int(stat.Uid) != os.Geteuid()) {
		return fmt.Errorf("%s is not a folder of mode 0700 that belongs to this user: somebody else made it; remove it", own)
	}
	return nil
}

// StateFile is a path for what scallop has to remember.
func (p *Pin) StateFile(name string) string { return filepath.Join(p.StateDir, name) }

// Open takes over what is pinned under a name.
func Open(runtimeDir, name string) (*Pin, error) {
	p := &Pin{Name: name, StateDir: stateDir(runtimeDir, name)}
	if _, err := os.Stat(p.Dir()); err != nil {
		return nil, fmt.Errorf("%q: %w: %s", name, ErrNone, pinned())
	}
	if err := os.MkdirAll(p.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the state of %q: %w: run as root", name, err)
	}
	return p, p.take()
}

// take makes this process the only one that watches the pin.
func (p *Pin) take() error {
	f, err := os.OpenFile(filepath.Join(p.StateDir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("locking the state of %q: %w", p.Name, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return fmt.Errorf("%q: %w: stop that one first", p.Name, ErrBusy)
		}
		return fmt.Errorf("locking the state of %q: %w", p.Name, err)
	}
	p.lock = f
	return nil
}

// Close lets another process watch.
func (p *Pin) Close() error { return p.lock.Close() }

// Remove leaves no trace of the pin. What is in the kernel goes with it, once this process has closed its recorder. The
// bpffs stays mounted: others may have come to use it.
func (p *Pin) Remove() error {
	err := errors.Join(profiler.Unpin(p.Dir()), os.RemoveAll(p.StateDir))
	_ = os.Remove(own)                      // if it is empty
	_ = os.Remove(filepath.Dir(p.StateDir)) // likewise
	return err
}

// Names of all pinned recorders, sorted; none if they cannot be listed.
func Names() []string {
	entries, _ := os.ReadDir(own) // sorted
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// pinned is the next step for a name that is not there.
func pinned() string {
	names := Names()
	if len(names) == 0 {
		return "nothing is pinned; pin a recording with --pin NAME"
	}
	return fmt.Sprintf("pinned are %q", names)
}
