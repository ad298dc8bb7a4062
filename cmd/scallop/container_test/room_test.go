package container_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/audit/audittest"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/process"
)

// room is where an engine lives. Its mount namespace shows a pure cgroup2 host, whatever the
// real one has, and takes all that the engine mounts with it, and all that it leaves in
// places that no flag changes. Its network is its own, so that every server has its usual
// port. Its cgroup holds everything that was ever started there.
type room struct {
	*process.Process
	dir      string
	cgroup   string // name, below the mount of cgroup2
	overlay  bool   // overlayfs can be mounted on dir
	network  *os.File
	loginuid int // of everything that runs in it
}

// roomScript lasts until its input ends, as it does even if the test is killed. Then it kills
// what is left, which is nothing after a good test. Linux has cgroup.kill since 5.14.
const roomScript = `umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup || exit
	for dir in /run /dev/shm /etc/docker /etc/cni /var/lib /var/log; do
		case "$0" in $dir/*) continue;; esac # TMPDIR may be there
		if [ -d $dir ]; then mount -t tmpfs none $dir || exit; fi
	done
	busybox ip link set lo up || exit
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

func newRoom(t *testing.T) *room {
	t.Helper()
	r := &room{dir: hosttest.SharedDir(t), cgroup: uniqueName("room"), loginuid: audittest.NewLoginUID()}
	cmd := exec.Command("unshare", "--mount", "--net", "sh", "-c", roomScript, r.dir, r.cgroup)
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
	r.Await(t, defaultPatience, func() error { _, err := os.Stat(filepath.Join(r.dir, "there")); return err })
	_, err = os.Stat(filepath.Join(r.dir, "overlay"))
	r.overlay = err == nil
	if r.network, err = os.Open(fmt.Sprintf("/proc/%d/ns/net", r.PID())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.network.Close() })
	return r
}

// storage chooses a driver: the one that copies works on any file system.
func (r *room) storage(overlay, copying string) string {
	if r.overlay {
		return overlay
	}
	return copying
}

// command is run inside the room.
func (r *room) command(args ...string) *exec.Cmd {
	args = audittest.WithLoginUID(r.loginuid, args...)
	flags := []string{"--mount", "--net", "--target", strconv.Itoa(r.PID()), "--",
		"sh", "-c", `echo 0 >"/sys/fs/cgroup/$0/room/cgroup.procs" && exec "$@"`, r.cgroup}
	cmd := exec.Command("nsenter", append(flags, args...)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+r.dir) // containerd leaves its stacks there if it was slow
	return cmd
}

// networkCommand sees the room's network, and else the host.
func (r *room) networkCommand(args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--net", "--target", strconv.Itoa(r.PID()), "--"}, args...)...)
}

// dial connects to an IP address in the room.
func (r *room) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var conn net.Conn
	failed := make(chan error)
	go func() {
		// Never unlocked: the thread ends with this function, and no other code sees the
		// room's network.
		runtime.LockOSThread()
		err := unix.Setns(int(r.network.Fd()), unix.CLONE_NEWNET)
		if err == nil {
			conn, err = (&net.Dialer{Timeout: time.Second}).DialContext(ctx, network, address)
		}
		failed <- err
	}()
	if err := <-failed; err != nil {
		return nil, err
	}
	return conn, nil
}

var lastName atomic.Int32

// uniqueName is unique on the host.
func uniqueName(what string) string {
	return fmt.Sprintf("scallop-%s-%d-%d", what, os.Getpid(), lastName.Add(1))
}
