package room

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func (r *Room) openNetwork(t testing.TB) {
	t.Helper()
	var err error
	if r.network, err = os.Open(fmt.Sprintf("/proc/%d/ns/net", r.PID())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.network.Close() })
	r.Must(t, "busybox", "ip", "link", "set", "lo", "up")
}

// NetworkCommand sees the network of a room that has its own, and else the host.
func (r *Room) NetworkCommand(args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--net", "--target", strconv.Itoa(r.PID()), "--"}, args...)...)
}

// Dial connects to an IP address in a room that has its own network.
func (r *Room) Dial(ctx context.Context, network, address string) (net.Conn, error) {
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
