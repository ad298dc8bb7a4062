package container_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/scallop-sec/scallop/profiler/hosttest/room"
)

var nginx = server{name: "nginx", program: "nginx", stop: "SIGQUIT", probed: true, serve: serveNginx, answers: func(r *room.Room) error {
	client := newNginxClient(r)
	defer client.CloseIdleConnections()
	return client.get(nginxRequest{"GET", "/small", nil, 200, smallSize})
}}

const nginxConf = `
user www-data;
worker_processes 2;
pid /run/nginx.pid;
error_log stderr;
events { worker_connections 256; }
http {
	access_log /run/access.log;
	sendfile on;
	client_body_temp_path /run/body;
	proxy_temp_path /run/proxy;
	fastcgi_temp_path /run/fastcgi;
	uwsgi_temp_path /run/uwsgi;
	scgi_temp_path /run/scgi;
	server {
		listen 80;
		root /srv/html;
	}
}
`

// Large is more than what one sendfile puts into a socket's buffer, so that nginx must wait.
const (
	smallSize = 1 << 10
	largeSize = 4 << 20
)

func nginxImage() image {
	return image{
		name: "nginx", copies: []string{"/usr/sbin/nginx"}, users: []string{"www-data"},
		add: func(l *layer) error {
			return errors.Join(
				l.dir("/var/lib/nginx", 0o755, 0, 0),
				l.dir("/var/log/nginx", 0o755, 0, 0),
				l.file("/etc/nginx/nginx.conf", 0o644, 0, 0, []byte(nginxConf)),
				l.file("/srv/html/small", 0o644, 0, 0, []byte(strings.Repeat("s", smallSize))),
				l.file("/srv/html/large", 0o644, 0, 0, []byte(strings.Repeat("l", largeSize))),
			)
		},
		config: imageConfig{
			Cmd: []string{"/usr/sbin/nginx", "-g", "daemon off;"}, Env: []string{containerPath}, StopSignal: "SIGQUIT",
			Labels: map[string]string{"org.example.server": "nginx"},
			// Without --spider, wget polls if it was faster than nginx: not in every life.
			Healthcheck: health("/bin/wget", "-q", "--spider", "http://127.0.0.1/small"),
		},
	}
}

type nginxRequest struct {
	method, path string
	header       map[string]string
	status       int
	size         int // of the body; -1: any
}

var nginxRequests = []nginxRequest{
	{"GET", "/small", nil, 200, smallSize},
	{"GET", "/small", map[string]string{"Connection": "close"}, 200, smallSize},
	{"HEAD", "/small", nil, 200, 0},
	{"GET", "/missing", nil, 404, -1},
	{"GET", "/large", map[string]string{"Range": "bytes=100-199"}, 206, 100},
	{"POST", "/small", nil, 405, -1},
	{"GET", "/large", nil, 200, largeSize},
}

// nginxRounds gives both workers every kind of request.
const nginxRounds = 20

func serveNginx(r *room.Room) error {
	client := newNginxClient(r)
	defer client.CloseIdleConnections()
	return repeat(nginxRounds*len(nginxRequests), func(i int) error {
		return client.get(nginxRequests[i%len(nginxRequests)])
	})
}

type nginxClient struct{ http.Client }

func newNginxClient(r *room.Room) *nginxClient {
	return &nginxClient{http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DialContext: r.Dial}}}
}

func (c *nginxClient) get(r nginxRequest) error {
	request, err := http.NewRequest(r.method, "http://127.0.0.1"+r.path, nil)
	if err != nil {
		return err
	}
	for key, value := range r.header {
		request.Header.Set(key, value)
	}
	answer, err := c.Do(request)
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
