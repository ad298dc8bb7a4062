package enforce_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

const nginxConf = `
user www-data;
worker_processes 2;
pid DIR/nginx.pid;
error_log stderr;
events { worker_connections 256; }
http {
	access_log DIR/access.log;
	sendfile on;
	client_body_temp_path DIR/body;
	proxy_temp_path DIR/proxy;
	fastcgi_temp_path DIR/fastcgi;
	uwsgi_temp_path DIR/uwsgi;
	scgi_temp_path DIR/scgi;
	server {
		listen ADDRESS;
		root DIR/html;
	}
}
`

func newNginx(t *testing.T) *server {
	t.Helper()
	s := &server{name: "nginx", dir: hosttest.SharedDir(t), address: freeAddress(t), stop: "QUIT", workers: 2, reload: true}
	s.pidFile = s.dir + "/nginx.pid"
	conf := strings.NewReplacer("DIR", s.dir, "ADDRESS", s.address).Replace(nginxConf)
	s.args = []string{"nginx", "-g", "daemon off;", "-c", writeFile(t, s.dir, "nginx.conf", conf)}
	small := writeFile(t, s.dir, "html/small", strings.Repeat("s", smallSize))
	if err := os.Chtimes(small, smallTime, smallTime); err != nil {
		t.Fatal(err)
	}
	writeFile(t, s.dir, "html/large", strings.Repeat("l", largeSize))
	s.ready = []string{"--ready-http", "http://" + s.address + "/small", "--stop-signal", "QUIT,TERM,INT"}
	s.answers = func() error { return newNginxClient(s).do(nginxRequests[0]) }
	s.serve = func(n int) error { return serveNginx(s, n) }
	return s
}

// Large is more than what one sendfile puts into a socket's buffer, so that nginx must wait.
const (
	smallSize = 1 << 10
	largeSize = 4 << 20
)

var smallTime = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// nginxRequest is one kind of request and what must come back.
type nginxRequest struct {
	method, path string
	header       map[string]string
	fresh        bool // on a connection of its own
	status       int
	size         int // of the body; -1: any
}

var nginxRequests = []nginxRequest{
	{method: "GET", path: "/small", status: 200, size: smallSize},
	{method: "GET", path: "/small", fresh: true, status: 200, size: smallSize},
	{method: "HEAD", path: "/small", status: 200},
	{method: "GET", path: "/missing", status: 404, size: -1},
	{method: "GET", path: "/large", header: map[string]string{"Range": "bytes=100-199"}, status: 206, size: 100},
	{method: "POST", path: "/small", status: 405, size: -1},
	{method: "GET", path: "/small", header: map[string]string{"If-Modified-Since": smallTime.Format(http.TimeFormat)}, status: 304},
	{method: "GET", path: "/small", status: 200, size: smallSize},
}

// largeEvery: one request in so many is for the large file.
const largeEvery = 50

func serveNginx(s *server, n int) error {
	client := newNginxClient(s)
	defer client.close()
	for i := range n {
		request := nginxRequests[i%len(nginxRequests)]
		if i%largeEvery == largeEvery-1 {
			request = nginxRequest{method: "GET", path: "/large", status: 200, size: largeSize}
		}
		if err := client.do(request); err != nil {
			return fmt.Errorf("request %d of %d: %w", i+1, n, err)
		}
	}
	return nil
}

// nginxClient has one client that keeps its connections and one that does not.
type nginxClient struct {
	base        string
	kept, fresh http.Client
}

func newNginxClient(s *server) *nginxClient {
	client := func(fresh bool) http.Client {
		return http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: fresh}}
	}
	return &nginxClient{"http://" + s.address, client(false), client(true)}
}

func (c *nginxClient) close() { c.kept.CloseIdleConnections() }

func (c *nginxClient) do(r nginxRequest) error {
	request, err := http.NewRequestWithContext(context.Background(), r.method, c.base+r.path, nil)
	if err != nil {
		return err
	}
	for key, value := range r.header {
		request.Header.Set(key, value)
	}
	client := &c.kept
	if r.fresh {
		client = &c.fresh
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	size, err := io.Copy(io.Discard, answer.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	if answer.StatusCode != r.status || r.size >= 0 && int(size) != r.size {
		return fmt.Errorf("%s %s: status %d with %d bytes, want %d with %d", r.method, r.path, answer.StatusCode, size, r.status, r.size)
	}
	return nil
}
