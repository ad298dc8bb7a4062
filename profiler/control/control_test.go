package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func serve(t *testing.T, dir, name string) (*Server, *[]string) {
	t.Helper()
	s, err := Listen(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	marked := &[]string{}
	go s.Serve(context.Background(), func(_ context.Context, r Request) error {
		if r.Workload != "" && r.Workload != name+"-inside" {
			return ErrUnknown
		}
		if r.Phase == "bad" {
			return errors.New("no: choose another")
		}
		*marked = append(*marked, r.Workload+r.Phase)
		return nil
	})
	return s, marked
}

func TestMark(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	_, marked := serve(t, dir, "web")
	if err := Mark(dir, "web", "reload"); err != nil {
		t.Fatal(err)
	}
	if err := Mark(dir, "web", "bad"); err == nil || err.Error() != "no: choose another" {
		t.Errorf("got %v", err)
	}
	if len(*marked) != 1 || (*marked)[0] != "reload" {
		t.Errorf("marked %v", *marked)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "web.sock"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want mode %o", path, info.Mode(), err, want)
		}
	}
}

func TestMarkNamesTheLiveOnes(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir, "web")
	if err := Mark(dir, "db", "steady"); err == nil || !strings.Contains(err.Error(), "live are web") {
		t.Errorf("got %v", err)
	}
	if err := Mark(dir, "../web", "steady"); err == nil {
		t.Error("a path is accepted as a name")
	}
}

// A second recording of the same name gets another; a dead one's socket is taken over.
func TestNames(t *testing.T) {
	dir := t.TempDir()
	first, _ := serve(t, dir, "web")
	second, _ := serve(t, dir, "web")
	if first.Name != "web" || !strings.HasPrefix(second.Name, "web-") {
		t.Errorf("names %q and %q", first.Name, second.Name)
	}
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "dead.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	if again, _ := serve(t, dir, "dead"); again.Name != "dead" {
		t.Errorf("name %q beside a dead socket", again.Name)
	}
}

// Many that begin at a time do not take each other for dead.
func TestListenTogether(t *testing.T) {
	dir := t.TempDir()
	for range 30 {
		const many = 8
		var all sync.WaitGroup
		for i := range many {
			all.Go(func() {
				s, err := Listen(dir, fmt.Sprint("record-", i))
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				if _, err := os.Stat(filepath.Join(dir, s.Name+".sock")); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
}

func TestHostileRequests(t *testing.T) {
	dir := t.TempDir()
	_, marked := serve(t, dir, "web")
	for _, text := range []string{"garbage\n", "{\"phase\": 3}\n", strings.Repeat("[", 10_000), "{\"phase\":\"" + strings.Repeat("x", 10_000)} {
		conn, err := net.Dial("unix", filepath.Join(dir, "web.sock"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, text)
		_ = conn.(*net.UnixConn).CloseWrite()
		var reply answer
		// The server may end the connection before it has read all: no answer is fine.
		if err := json.NewDecoder(conn).Decode(&reply); err == nil && reply.Error == "" {
			t.Errorf("%.20q is accepted", text)
		}
		conn.Close()
	}
	if err := Mark(dir, "web", "steady"); err != nil || len(*marked) != 1 {
		t.Errorf("after hostile requests: %v, marked %v", err, *marked)
	}
}
