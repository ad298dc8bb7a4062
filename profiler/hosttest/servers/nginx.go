package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

const nginxConf = `
user www-data;
worker_processes 2;
pid RUN/nginx.pid;
error_log stderr;
events { worker_connections 256; }
http {
	access_log RUN/access.log;
	sendfile on;
	client_body_temp_path RUN/body;
	proxy_temp_path RUN/proxy;
	fastcgi_temp_path RUN/fastcgi;
	uwsgi_temp_path RUN/uwsgi;
	scgi_temp_path RUN/scgi;
	server {
		listen LISTEN;
		root ROOT;
	}
}
`

// NginxConf is a configuration with two workers. All that nginx writes is in the folder run, the files that it serves in root.
func NginxConf(run, listen, root string) string {
	return strings.NewReplacer("RUN", run, "LISTEN", listen, "ROOT", root).Replace(nginxConf)
}

// Large is more than what one sendfile puts into a socket's buffer, so that nginx must wait.
const (
	smallSize = 1 << 10
	largeSize = 4 << 20
)

// NginxFiles are those that it must find in its root, by name.
func NginxFiles() map[string]string {
	return map[string]string{"small": strings.Repeat("s", smallSize), "large": strings.Repeat("l", largeSize)}
}

type nginxRequest struct {
	method, path string
	header       map[string]string
	status       int
	size         int // of the body; -1: any
}

// modified stands for when the small file was last modified, as an answer before has told.
const modified = "LAST-MODIFIED"

// nginxRequests are repeated.
var nginxRequests = []nginxRequest{
	{"GET", "/small", nil, 200, smallSize},
	{"GET", "/small", map[string]string{"Connection": "close"}, 200, smallSize},
	{"HEAD", "/small", nil, 200, 0},
	{"GET", "/missing", nil, 404, -1},
	{"GET", "/large", map[string]string{"Range": "bytes=100-199"}, 206, 100},
	{"POST", "/small", nil, 405, -1},
	{"GET", "/small", map[string]string{"If-Modified-Since": modified}, 304, 0},
}

// largeEvery: one request in so many is for all of the large file.
const largeEvery = 20

// NginxAnswers tells whether nginx is there, by one request.
func NginxAnswers(p Place) error {
	return withNginx(p, func(c *nginx) error { return c.do(nginxRequests[0]) })
}

// ServeNginx makes requests of every kind, in turn, over connections that are kept but for one kind. More than a hundred or so
// reach both workers.
func ServeNginx(p Place, requests int) error {
	return withNginx(p, func(c *nginx) error {
		return repeat(requests, func(i int) error {
			if i%largeEvery == largeEvery-1 {
				return c.do(nginxRequest{"GET", "/large", nil, 200, largeSize})
			}
			return c.do(nginxRequests[i%len(nginxRequests)])
		})
	})
}

// nginx is a client of it.
type nginx struct {
	http.Client
	address  string
	modified string
}

func withNginx(p Place, use func(*nginx) error) error {
	c := &nginx{Client: http.Client{Timeout: p.Patience, Transport: &http.Transport{DialContext: p.dial()}}, address: p.Address}
	defer c.CloseIdleConnections()
	return use(c)
}

func (c *nginx) do(r nginxRequest) error {
	request, err := http.NewRequestWithContext(context.Background(), r.method, "http://"+c.address+r.path, nil)
	if err != nil {
		return err
	}
	for key, value := range r.header {
		request.Header.Set(key, strings.ReplaceAll(value, modified, c.modified))
	}
	answer, err := c.Do(request)
	if err != nil {
		return err
	}
	size, err := io.Copy(io.Discard, answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	if answer.StatusCode != r.status || r.size >= 0 && int(size) != r.size {
		return fmt.Errorf("%s %s: status %d with %d bytes, want %d with %d", r.method, r.path, answer.StatusCode, size, r.status, r.size)
	}
	if r.path == "/small" && r.status == 200 {
		c.modified = answer.Header.Get("Last-Modified")
	}
	return nil
}
