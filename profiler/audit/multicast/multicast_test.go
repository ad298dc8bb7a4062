package multicast

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/audit"
	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// patience is for busy machines.
const patience = time.Minute

func hearing(t *testing.T, buffer int) *Listener {
	t.Helper()
	hosttest.Root(t)
	l, err := listen(buffer)
	if err != nil {
		hosttest.Lack(t, err.Error())
	}
	t.Cleanup(l.Close)
	return l
}

// logged runs Python that makes call nr, which a filter logs, n times, and returns its PID.
func logged(t *testing.T, nr, n int) int {
	t.Helper()
	script := `
import ctypes, struct, sys
nr, n = int(sys.argv[1]), int(sys.argv[2])
libc = ctypes.CDLL(None)
code = b"".join(struct.pack("HBBI", *i) for i in [(0x20, 0, 0, 0), (0x15, 0, 1, nr), (0x06, 0, 0, 0x7ffc0000), (0x06, 0, 0, 0x7fff0000)])
held = ctypes.create_string_buffer(code, len(code))
program = struct.pack("HxxxxxxQ", 4, ctypes.addressof(held))
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program, 0, 0): sys.exit("no filter")
for _ in range(n): libc.syscall(nr)
`
	cmd := exec.Command(hosttest.Tool(t, "python3", "python3"), "-c", script, strconv.Itoa(nr), strconv.Itoa(n))
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

// until reads records of a process until it has n of call nr.
func until(t *testing.T, l *Listener, pid, nr, n int) (heard int, last *audit.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for n > 0 {
		r, err := l.Next(ctx)
		if err != nil {
			t.Fatalf("after %d: %v", heard, err)
		}
		if r.PID != pid && pid != 0 {
			continue
		}
		heard++
		if r.Nr == nr {
			n--
			last = r
		}
	}
	return heard, last
}

func TestHears(t *testing.T) {
	l := hearing(t, receiveBuffer)
	pid := logged(t, 4321, 3)
	_, r := until(t, l, pid, 4321, 3)
	native, _ := syscalls.Native(runtime.GOARCH)
	if r.ABI != native || r.Action != report.Log || !strings.HasPrefix(r.Comm, "python") || !strings.HasPrefix(filepath.Base(r.Exe), "python") || r.UID == nil || *r.UID != 0 {
		t.Errorf("%+v", r)
	}
	if time.Since(r.Time).Abs() > patience {
		t.Errorf("it says %s", r.Time)
	}
	if losses := l.Losses(); losses != (Losses{}) {
		t.Errorf("%+v", losses)
	}
}

// A reader that is too slow learns how many events it did not hear.
func TestOverflow(t *testing.T) {
	const n = 2000
	l := hearing(t, 4096)
	pid := logged(t, 4322, n)
	heard := 0
	ctx, cancel := context.WithTimeout(context.Background(), time.Second/4)
	defer cancel()
	for {
		r, err := l.Next(ctx)
		if err != nil {
			break
		}
		if r.PID == pid {
			heard++
		}
	}
	until(t, l, logged(t, 4323, 1), 4323, 1) // what ends the gap
	losses := l.Losses()
	if losses.Overflows == 0 || heard == n || losses.Missing < uint64(n-heard) {
		t.Errorf("heard %d of %d; %+v", heard, n, losses)
	}
}

func TestContext(t *testing.T) {
	l := hearing(t, receiveBuffer)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for {
		if _, err := l.Next(ctx); err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			break
		}
	}
	pid := logged(t, 4324, 1)
	until(t, l, pid, 4324, 1) // with another context, it goes on
	l.Close()
	if _, err := l.Next(context.Background()); err == nil {
		t.Error("a closed listener hears")
	}
}

// In another network namespace, the kernel would let it listen to nothing.
func TestOtherNetwork(t *testing.T) {
	hosttest.Root(t)
	if os.Getenv("LISTEN_ELSEWHERE") != "" {
		_, err := Listen()
		if err == nil || !strings.Contains(err.Error(), "host's network namespace") {
			t.Fatal(err)
		}
		return
	}
	cmd := exec.Command(hosttest.Tool(t, "unshare", "util-linux"), "--net", os.Args[0], "-test.run", "^TestOtherNetwork$")
	cmd.Env = append(os.Environ(), "LISTEN_ELSEWHERE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
