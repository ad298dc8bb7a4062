package control

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// A workload is found by its name, whichever scallop records it; if several do, one must be named.
func TestMarkFindsTheRecorder(t *testing.T) {
	dir := t.TempDir()
	_, first := serve(t, dir, "one")
	_, second := serve(t, dir, "two")
	if err := Mark(dir, "two-inside", "reload"); err != nil {
		t.Error(err)
	}
	if err := Mark(dir, "one/one-inside", "steady"); err != nil {
		t.Error(err)
	}
	if got := strings.Join(*first, ",") + " " + strings.Join(*second, ","); got != "one-insidesteady two-insidereload" && got != "one-insidesteady two-inside,two-insidereload" {
		t.Errorf("marked %s", got)
	}
	for _, name := range []string{"one/two-inside", "three/x", "../one/x", "/", "one/", "nobody"} {
		if err := Mark(dir, name, "steady"); err == nil && name != "one/" {
			t.Errorf("%q is accepted", name)
		}
	}
	both := func(_ context.Context, r Request) error {
		if r.Workload != "web" {
			return ErrUnknown
		}
		return nil
	}
	for _, name := range []string{"a", "b"} {
		s, err := Listen(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		go s.Serve(t.Context(), both)
	}
	if err := Mark(dir, "web", "steady"); err == nil || err.Error() != `"web" is recorded by a and b: say which, as a/web` {
		t.Errorf("%v", err)
	}
	if err := Mark(dir, "b/web", "steady"); err != nil {
		t.Error(err)
	}
}

// A scallop that was killed leaves a socket, which is in nobody's way and goes with the next recording.
func TestDeadSockets(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "dead.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	other := filepath.Join(dir, "file.sock")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Mark(dir, "dead", "steady"); err == nil || strings.Contains(err.Error(), "live are dead") {
		t.Errorf("%v", err)
	}
	serve(t, dir, "web")
	if _, err := os.Lstat(path); err == nil {
		t.Error("the dead socket is still there")
	}
	if err := Mark(dir, "web-inside", "steady"); err != nil {
		t.Error(err)
	}
}

// Who may not look for recordings is not told that there are none.
func TestMarkAsAnotherUser(t *testing.T) {
	hosttest.Root(t)
	dir, err := os.MkdirTemp("", "control")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	serve(t, dir, "web")
	for _, name := range []string{"web", "web-inside", "web/web-inside"} {
		err := asNobody(t, func() error { return Mark(dir, name, "steady") })
		if err == nil || !strings.Contains(err.Error(), "permission denied") || strings.Contains(err.Error(), "none is live") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// asNobody does something in a thread of another user, which ends with it.
func asNobody(t *testing.T, do func() error) error {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		const same = ^uintptr(0)
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, same, 65534, same); errno != 0 {
			done <- errno
			return
		}
		done <- do()
	}()
	return <-done
}

// Only root and the recorder's own user may mark, even if the socket's mode lets others in.
func TestPeers(t *testing.T) {
	hosttest.Root(t)
	dir, err := os.MkdirTemp("", "peers")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	_, marked := serve(t, dir, "web")
	path := filepath.Join(dir, "web.sock")
	for _, name := range []string{dir, path} {
		if err := os.Chmod(name, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	var reply answer
	err = asNobody(t, func() (err error) {
		reply, err = ask(dir, "web", Request{Phase: "steady"})
		return err
	})
	if err != nil || !strings.Contains(reply.Error, "user 65534 may not mark phases here") || len(*marked) > 0 {
		t.Errorf("%+v, %v, marked %v", reply, err, *marked)
	}
}
