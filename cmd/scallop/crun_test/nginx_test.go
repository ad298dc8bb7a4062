package crun_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

var nginx = server{
	name: "nginx", program: "nginx", args: []string{"/usr/sbin/nginx", "-c", "/data/nginx.conf", "-g", "daemon off;"},
	account: "root", stop: "SIGQUIT", address: "127.0.0.1:80", serve: serveNginx,
	answers: func() error { return withNginx(func(c *http.Client) error { return nginxRequests[0].do(c) }) },
	files: map[string]string{
		"nginx.conf": nginxConf, "small": strings.Repeat("s", smallSize), "large": strings.Repeat("l", largeSize),
	},
}

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
		root /data;
	}
}
`

// Large is more than what one sendfile puts into a socket's buffer, so that nginx must wait.
const (
	smallSize = 1 << 10
	largeSize = 4 << 20
)

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
const nginxRounds = 10

func serveNginx() error {
	return withNginx(func(client *http.Client) error {
		return repeat(nginxRounds*len(nginxRequests), func(i int) error {
			return nginxRequests[i%len(nginxRequests)].do(client)
		})
	})
}

func withNginx(use func(*http.Client) error) error {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	return use(client)
}

func (r nginxRequest) do(client *http.Client) error {
	request, err := http.NewRequest(r.method, "http://127.0.0.1"+r.path, nil)
	if err != nil {
		return err
	}
	for key, value := range r.header {
		request.Header.Set(key, value)
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
