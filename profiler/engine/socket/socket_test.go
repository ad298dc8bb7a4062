package socket_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/engine/socket"
)

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "scallop-socket-") // short, for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }() // until it is closed
	t.Cleanup(func() { server.Close() })
	return listener.Addr().String()
}

func TestGet(t *testing.T) {
	path := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/there" {
			http.Error(w, strings.Repeat("no", 1000), http.StatusTeapot)
			return
		}
		_, _ = w.Write([]byte(`{"Name":"web"}`))
	})
	var answer struct{ Name string }
	for range 2 { // each has a connection of its own
		if err := socket.Get(t.Context(), socket.HTTP(path), "/there", &answer); err != nil || answer.Name != "web" {
			t.Errorf("%+v, %v", answer, err)
		}
	}
	err := socket.Get(t.Context(), socket.HTTP(path), "/elsewhere", &answer)
	if status, ok := errors.AsType[*socket.StatusError](err); !ok || status.Code != http.StatusTeapot || len(status.Text) != 256 {
		t.Errorf("%v", err)
	}
}

// The bound is on all that is read, with time to read more.
func TestBound(t *testing.T) {
	path := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		block := []byte(strings.Repeat(" ", 1<<20))
		for _, err := w.Write(block); err == nil; {
			_, err = w.Write(block)
		}
	})
	var answer any
	if err := socket.Get(t.Context(), socket.HTTP(path), "/", &answer); err == nil || !strings.Contains(err.Error(), "longer than 16 MiB") {
		t.Errorf("%v", err)
	}
}

func TestPath(t *testing.T) {
	for endpoint, want := range map[string]string{
		"/run/docker.sock": "/run/docker.sock", "unix:///run/docker.sock": "/run/docker.sock",
		"": "", "docker.sock": "", "unix://docker.sock": "", "tcp://127.0.0.1:2375": "", "npipe:////./pipe/docker": "", "/run/\x00": "",
		"/" + strings.Repeat("x", 106): "/" + strings.Repeat("x", 106), "/" + strings.Repeat("x", 107): "",
	} {
		if got, err := socket.Path(endpoint); got != want || (err == nil) != (want != "") {
			t.Errorf("Path(%q) = %q, %v", endpoint, got, err)
		}
	}
}

func TestTold(t *testing.T) {
	err := socket.Told(errors.Join(unix.ECONNREFUSED, errors.New("\x1b[2J\u202e\xff"+strings.Repeat("x", 1<<20))))
	text := err.Error()
	if !errors.Is(err, unix.ECONNREFUSED) || len(text) > 600 || strings.ContainsAny(text, "\x1b\n\u202e") || !utf8.ValidString(text) || !strings.HasPrefix(text, "connection refused?") {
		t.Errorf("%q", text)
	}
	if socket.Told(nil) != nil {
		t.Error("an error of nothing")
	}
}

func TestNextStep(t *testing.T) {
	for err, want := range map[error]string{
		unix.ENOENT: "--runtime-endpoint", unix.ECONNREFUSED: "start the engine", unix.EACCES: "run as root",
		context.DeadlineExceeded: "hang", errors.New("else"): "is it the socket of",
	} {
		if got := socket.NextStep(err); !strings.Contains(got, want) {
			t.Errorf("%v: %q", err, got)
		}
	}
}
