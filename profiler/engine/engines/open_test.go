package engines_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/scallop-sec/scallop/profiler/engine/cri"
	"github.com/scallop-sec/scallop/profiler/engine/engines"
	"github.com/scallop-sec/scallop/profiler/engine/socket"
)

// openOne opens one endpoint beside one that works, which must not be harmed, and returns the error.
func openOne(t *testing.T, endpoint string) error {
	t.Helper()
	good := fakeDocker(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	set, errs := engines.Open(ctx, []string{endpoint, good})
	defer set.Close()
	if found := set.Endpoints(); len(found) != 1 || found[0].Path != good {
		t.Errorf("opened %v, want the good one alone", found)
	}
	if len(errs) != 1 {
		t.Fatalf("%d errors: %v", len(errs), errs)
	}
	return errs[0]
}

func TestOpenErrors(t *testing.T) {
	leftOver := func(t *testing.T) string {
		listener := listen(t)
		listener.(*net.UnixListener).SetUnlinkOnClose(false)
		listener.Close()
		return listener.Addr().String()
	}
	file := func(t *testing.T) string {
		path := socketPath(t)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rest := func(path string, handler http.HandlerFunc) func(t *testing.T) string {
		return func(t *testing.T) string { return fakeDocker(t, map[string]http.HandlerFunc{path: handler}) }
	}
	raw := func(talk func(net.Conn)) func(t *testing.T) string {
		return func(t *testing.T) string { return serve(t, talk) }
	}
	for name, test := range map[string]struct {
		endpoint func(t *testing.T) string
		wrapped  error
		text     string // what tells of the cause, or of the next step
	}{
		"missing":   {socketPath, unix.ENOENT, "is the engine installed and started?"},
		"file":      {file, nil, "not a socket"},
		"left over": {leftOver, unix.ECONNREFUSED, "nobody listens"},
		"closes":    {raw(func(c net.Conn) { c.Close() }), nil, "is it the socket of Docker"},
		"hangs":     {raw(func(net.Conn) {}), context.DeadlineExceeded, "does the engine hang?"},
		"garbage": {raw(func(c net.Conn) { _, _ = io.WriteString(c, strings.Repeat("\x1b[31m\x00\xff", 10_000)) }),
			nil, "is it the socket of Docker"},
		"half":        {raw(func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n"); c.Close() }), nil, "is it the socket of Docker"},
		"slow":        {rest("/version", hang), context.DeadlineExceeded, "does the engine hang?"},
		"no JSON":     {rest("/version", say("<html>")), nil, "invalid character"},
		"half JSON":   {rest("/version", say(`{"Components":`)), nil, "EOF"},
		"wrong types": {rest("/version", say(`{"Components":{"Name":[3]}}`)), nil, "cannot unmarshal"},
		"error": {rest("/version", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "\x1b[2Jno", http.StatusInternalServerError)
		}), nil, `500: "\x1b[2Jno`},
		"redirect": {rest("/version", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/info", http.StatusFound) }), nil, "302"},
		"bad version": {func(t *testing.T) string {
			return fakePodman(t, map[string]http.HandlerFunc{"/version": say(strings.Replace(podmanVersion, `"APIVersion":"4.3.1"`, `"APIVersion":"../etc"`, 1))})
		}, nil, "is it the socket of Docker"},
		"without CRI": {func(t *testing.T) string { return fakeCRI(t, &runtime.UnimplementedRuntimeServiceServer{}) }, cri.ErrNoCRI, "disabled_plugins"},
		"network":     {func(*testing.T) string { return "tcp://127.0.0.1:2375" }, nil, "not a Unix socket"},
		"relative":    {func(*testing.T) string { return "docker.sock" }, nil, "not a Unix socket"},
		"too long":    {func(*testing.T) string { return "/" + strings.Repeat("x", 107) }, nil, "longer than the 107 bytes"},
		"empty":       {func(*testing.T) string { return "" }, nil, "not a Unix socket"},
		"NUL":         {func(*testing.T) string { return "/run/\x00" }, nil, "not a Unix socket"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint := test.endpoint(t)
			err := openOne(t, endpoint)
			if test.wrapped != nil && !errors.Is(err, test.wrapped) {
				t.Errorf("%v is not %v", err, test.wrapped)
			}
			text := err.Error()
			if !strings.Contains(text, test.text) || len(text) > 2000 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q should tell %q", text, test.text)
			}
			if socketPath, err := socket.Path(endpoint); err == nil && !strings.Contains(text, socketPath) {
				t.Errorf("%q does not name the socket", text)
			}
		})
	}
}

func TestOpenNothing(t *testing.T) {
	set, errs := engines.Open(t.Context(), []string{"/nowhere/s"})
	if len(errs) != 1 || len(set.Endpoints()) != 0 {
		t.Fatalf("%v, %v", set.Endpoints(), errs)
	}
	if _, err := set.Find(t.Context(), "web"); err == nil || !strings.Contains(err.Error(), "--runtime-endpoint") {
		t.Errorf("%v", err)
	}
}

// An endpoint that is named twice is one engine.
func TestOpenTwice(t *testing.T) {
	good := fakePodman(t, nil)
	set, errs := engines.Open(t.Context(), []string{good, "unix://" + good})
	defer set.Close()
	if len(errs) > 0 || len(set.Endpoints()) != 1 || set.Endpoints()[0].Engine != "podman" {
		t.Errorf("%v, %v", set.Endpoints(), errs)
	}
}
