package engines_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// socketPath is short enough for a socket, which t.TempDir's may not be.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "scallop-fake-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("unix", socketPath(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// serve hands each connection to a function that knows no protocol. It is closed at the end of the test.
func serve(t *testing.T, talk func(net.Conn)) string {
	t.Helper()
	listener := listen(t)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go talk(conn)
		}
	}()
	return listener.Addr().String()
}

// serveHTTP answers as a REST API does; versions in paths are taken off.
func serveHTTP(t *testing.T, handlers map[string]http.HandlerFunc) string {
	t.Helper()
	listener := listen(t)
	version := regexp.MustCompile(`^/v[0-9.]+`)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := version.ReplaceAllString(r.URL.Path, "")
		handler := handlers[path]
		if handler == nil {
			handler = handlers[path[:strings.LastIndex(path, "/")+1]]
		}
		if handler == nil {
			http.Error(w, `{"message":"nothing there"}`, http.StatusNotFound)
			return
		}
		handler(w, r)
	})}
	go func() { _ = server.Serve(listener) }() // until it is closed
	t.Cleanup(func() { server.Close() })
	return listener.Addr().String()
}

func say(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func sayJSON(t *testing.T, value any) http.HandlerFunc {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return say(string(data))
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// endless never ends its answer, and counts its bytes.
func endless(written *atomic.Int64) http.HandlerFunc {
	block := strings.Repeat("x", 1<<16)
	return func(w http.ResponseWriter, _ *http.Request) {
		n, err := io.WriteString(w, `{"Id":"`)
		for written.Add(int64(n)); err == nil; written.Add(int64(n)) {
			n, err = io.WriteString(w, block)
		}
	}
}

// fakeDocker is opened as Docker; what it says of containers is the test's.
func fakeDocker(t *testing.T, handlers map[string]http.HandlerFunc) string {
	t.Helper()
	all := map[string]http.HandlerFunc{
		"/_ping": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Api-Version", "1.41")
			_, _ = io.WriteString(w, "OK")
		},
		"/version": say(`{"Version":"20.10.0","ApiVersion":"1.41","Components":[{"Name":"Engine","Version":"20.10.0"}]}`),
		"/info":    say(`{}`),
	}
	for path, handler := range handlers {
		all[path] = handler
	}
	return serveHTTP(t, all)
}

const podmanVersion = `{"ApiVersion":"1.41","Components":[{"Name":"Podman Engine","Version":"4.3.1","Details":{"APIVersion":"4.3.1"}}]}`

func fakePodman(t *testing.T, handlers map[string]http.HandlerFunc) string {
	t.Helper()
	all := map[string]http.HandlerFunc{"/version": say(podmanVersion)}
	for path, handler := range handlers {
		all[path] = handler
	}
	return serveHTTP(t, all)
}

// fakeCRI serves both services of an engine.
func fakeCRI(t *testing.T, api runtime.RuntimeServiceServer) string {
	t.Helper()
	listener := listen(t)
	server := grpc.NewServer()
	runtime.RegisterRuntimeServiceServer(server, api)
	runtime.RegisterImageServiceServer(server, &runtime.UnimplementedImageServiceServer{})
	go func() { _ = server.Serve(listener) }() // until it is stopped
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

// testID is a whole ID that begins with a text.
func testID(begin string) string { return (begin + strings.Repeat("0", 64))[:64] }

func containerPath(id string) string { return fmt.Sprintf("/containers/%s/json", id) }
