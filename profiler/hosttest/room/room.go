// Package room gives container engines a host of their own, that tests of real engines run in.
package room

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/audit/audittest"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/process"
)

// Patience is how long daemons may take to answer on a busy host.
const Patience = 30 * time.Second

// Room is where an engine lives. Its mount namespace shows a pure cgroup2 host, whatever the real one has, and takes all
// that the engine mounts with it, and all that it leaves in places that no flag changes.
type Room struct {
	*process.Process
	Dir      string   // the path of a socket in it is short enough
	Cgroup   string   // name, below the mount of cgroup2; everything that was ever started in the room is in it
	Overlay  bool     // overlayfs can be mounted on Dir
	LoginUID int      // of everything that runs in it, for package audittest; 0 if it is left as it is
	network  *os.File // nil if it is the host's
}

// Options of New.
type Options struct {
	Network  bool // the room has one of its own, so that every server has its usual port
	LoginUID int  // see Room
}

// script lasts until its input ends, as it does even if the test is killed. Then it kills what is left, which is nothing
// after a good test. Linux has cgroup.kill since 5.14.
const script = `umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup || exit
	for dir in /run /dev/shm /etc/docker /etc/cni /opt /var/lib /var/log; do
		case "$0" in $dir/*) continue;; esac # TMPDIR may be there
		if [ -d $dir ]; then mount -t tmpfs none $dir || exit; fi
	done
	mkdir "$0/lower" "$0/upper" "$0/work" "$0/merged"
	mount -t overlay -o "lowerdir=$0/lower,upperdir=$0/upper,workdir=$0/work" none "$0/merged" 2>/dev/null &&
		umount "$0/merged" && touch "$0/overlay"
	trap '' TERM
	mkdir -p /sys/fs/cgroup/$1/room && touch "$0/there" && cat
	for i in $(seq 500); do
		find /sys/fs/cgroup/$1 -depth -type d -exec rmdir {} + 2>/dev/null && exit
		echo 1 2>/dev/null >/sys/fs/cgroup/$1/cgroup.kill
		sleep 0.02
	done
	echo "left behind: /sys/fs/cgroup/$1"
	exit 1`

// New makes a room that is gone when the test has ended.
func New(t testing.TB, o Options) *Room {
	t.Helper()
	r := &Room{Dir: hosttest.SharedDir(t), Cgroup: Unique("room"), LoginUID: o.LoginUID}
	args := []string{"--mount", "sh", "-c", script, r.Dir, r.Cgroup}
	if o.Network {
		args = append([]string{"--net"}, args...)
	}
	cmd := exec.Command("unshare", args...)
	door, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Process = process.Start(t, cmd, nil)
	t.Cleanup(func() {
		door.Close()
		<-r.Exited()
		if r.ExitCode() != 0 {
			t.Error(&r.Out)
		}
	})
	if err := process.Poll(Patience, r.Exited(), func() error { _, err := os.Stat(r.Path("there")); return err }); err != nil {
		hosttest.Lack(t, "the right to mount cgroup2 in a namespace of its own: "+r.Out.String())
	}
	_, err = os.Stat(r.Path("overlay"))
	r.Overlay = err == nil
	if o.Network {
		r.openNetwork(t)
	}
	return r
}

var lastName atomic.Int32

// Unique is a name that is unique on the host.
func Unique(what string) string {
	return fmt.Sprintf("scallop-%s-%d-%d", what, os.Getpid(), lastName.Add(1))
}

// Path is that of a file in the room's folder.
func (r *Room) Path(name string) string { return filepath.Join(r.Dir, name) }

// Write writes such a file, and returns its path.
func (r *Room) Write(t testing.TB, name, text string) string {
	t.Helper()
	if err := os.WriteFile(r.Path(name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return r.Path(name)
}

// Storage chooses a driver: the one that copies works on any file system.
func (r *Room) Storage(overlay, copying string) string {
	if r.Overlay {
		return overlay
	}
	return copying
}

// Command is run inside the room. Debian does not give root's PATH to everyone.
func (r *Room) Command(args ...string) *exec.Cmd {
	if r.LoginUID != 0 {
		args = audittest.WithLoginUID(r.LoginUID, args...)
	}
	flags := []string{"--mount", "--target", strconv.Itoa(r.PID())}
	if r.network != nil {
		flags = append(flags, "--net")
	}
	flags = append(flags, "--", "sh", "-c", `echo 0 >"/sys/fs/cgroup/$0/room/cgroup.procs" && exec "$@"`, r.Cgroup)
	cmd := exec.Command("nsenter", append(flags, args...)...)
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin",
		"TMPDIR="+r.Dir) // containerd leaves its stacks there if it was slow
	return cmd
}

// Do is the output of a command inside the room.
func (r *Room) Do(args ...string) (string, error) { return process.Output(r.Command(args...)) }

// Must is Do of what may not fail.
func (r *Room) Must(t testing.TB, args ...string) string {
	t.Helper()
	out, err := r.Do(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
