package engines_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// need names what a test needs of the host and does not find: programs and their Debian packages, in
// turn.
func need(t *testing.T, pairs ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes seconds: run without -short")
	}
	hosttest.Root(t)
	for i := 0; i < len(pairs); i += 2 {
		hosttest.Tool(t, pairs[i], pairs[i+1])
	}
}

// room is a mount namespace that shows an engine a pure cgroup2 host, and takes what it mounts and
// leaves behind with it.
type room struct {
	*program
	dir    string
	parent string // cgroup of all containers
}

func newRoom(t *testing.T) *room {
	t.Helper()
	const script = `umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup || exit
		for dir in /run /dev/shm /etc/docker /opt /var/lib; do
			case "$0" in $dir/*) continue;; esac # TMPDIR may be there
			if [ -d $dir ]; then mount -t tmpfs none $dir || exit; fi
		done
		touch "$0" && exec sleep infinity`
	// Paths of sockets are short: t.TempDir's may not be.
	dir, err := os.MkdirTemp("", "scallop-engines-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := &room{dir: dir, parent: "/" + filepath.Base(dir)}
	there := filepath.Join(dir, "there")
	r.program = start(t, exec.Command("unshare", "--mount", "sh", "-c", script, there), unix.SIGKILL)
	r.await(t, r.program, func() error { _, err := os.Stat(there); return err })
	t.Cleanup(func() { // or the cgroups stay
		_, _ = r.do("find", "/sys/fs/cgroup"+r.parent, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";")
	})
	return r
}

func (r *room) path(name string) string { return filepath.Join(r.dir, name) }

func (r *room) write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(r.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return r.path(name)
}

// command is run inside the room. Debian does not give root's PATH to everyone.
func (r *room) command(args ...string) *exec.Cmd {
	cmd := exec.Command("nsenter", append([]string{"--mount", "--target", strconv.Itoa(r.cmd.Process.Pid), "--"}, args...)...)
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	return cmd
}

func (r *room) do(args ...string) (string, error) {
	out, err := r.command(args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

func (r *room) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := r.do(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// daemon is started in the room, and ready when its socket is there.
func (r *room) daemon(t *testing.T, args ...string) *program {
	t.Helper()
	return start(t, r.command(args...), unix.SIGTERM)
}

// await tries until it works.
func (r *room) await(t *testing.T, p *program, try func() error) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-p.done:
			t.Fatalf("%s ended: %s", p.cmd, p.out.text())
		case <-deadline:
			t.Fatalf("%v\n%s", err, p.out.text())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// cgroup2 path of a process.
func cgroup2(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return path
		}
	}
	t.Fatalf("process %d is in no cgroup2: %s", pid, text)
	return ""
}

// program is a command that runs until the test ends.
type program struct {
	cmd  *exec.Cmd
	out  output
	done chan struct{}
}

func start(t *testing.T, cmd *exec.Cmd, stop os.Signal) *program {
	t.Helper()
	p := &program{cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	cmd.WaitDelay = time.Second // what it leaves behind may hold its pipes
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGTERM}
	started := make(chan error)
	go func() {
		// The kernel sends Pdeathsig when the thread that started the program ends.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is ended by a signal
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(stop) // it may have ended
		<-p.done
	})
	return p
}

type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.Write(data)
}

// text is the end of what was written.
func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.buffer.String()
	return text[max(0, len(text)-2000):]
}

// patient is for real engines on a busy host.
func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
