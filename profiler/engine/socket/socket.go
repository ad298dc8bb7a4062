// Package socket reaches container engines at their Unix sockets, and bounds what they may answer.
package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/engine"
)

const (
	// Timeout is for one call whose context has no deadline: nobody waits for it, and an engine that hangs holds up
	// others.
	Timeout = 3 * time.Second
	// MaxAnswer is the most that is read of one answer, in bytes.
	MaxAnswer = 16 << 20

	maxPath    = 107 // bytes: unix(7), without the NUL
	maxHeaders = 64 << 10
)

var errTooLong = fmt.Errorf("the answer is longer than %d MiB", MaxAnswer>>20)

// Path of an endpoint, which is "/path" or "unix:///path".
func Path(endpoint string) (string, error) {
	path := strings.TrimPrefix(endpoint, "unix://")
	if !strings.HasPrefix(path, "/") || strings.ContainsRune(path, 0) {
		return "", fmt.Errorf("endpoint %q: not a Unix socket: give it as /path or unix:///path", endpoint)
	}
	if len(path) > maxPath {
		return "", fmt.Errorf("endpoint %q: longer than the %d bytes that a Unix socket can have: make a shorter symbolic link to it", endpoint, maxPath)
	}
	return path, nil
}

// Bound gives a context its deadline, unless it has one.
func Bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, Timeout)
}

// Dial connects to a socket. An engine that is busy accepts nobody for a while.
func Dial(ctx context.Context, path string) (net.Conn, error) {
	return (&net.Dialer{Timeout: engine.Patience}).DialContext(ctx, "unix", path)
}

// HTTP returns a client whose requests all go to the socket, whatever host they name.
// Each has a connection of its own, so that a bound on what is read of a connection is one on the
// answer, compressed or not, for libraries too that read without end.
func HTTP(path string) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return DialBounded(ctx, path)
			},
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHeaders,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// DialBounded connects to a socket, for one answer.
func DialBounded(ctx context.Context, path string) (net.Conn, error) {
	conn, err := Dial(ctx, path)
	if err != nil {
		return nil, err
	}
	return &boundedConn{Conn: conn, left: MaxAnswer}, nil
}

// boundedConn fails when more is read than an answer may have.
type boundedConn struct {
	net.Conn
	left int
}

func (c *boundedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTooLong
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// NextStep tells what to do about an error of a socket, as the end of a message.
func NextStep(err error) string {
	switch {
	case errors.Is(err, unix.ENOENT):
		return "is the engine installed and started? Name its socket with --runtime-endpoint"
	case errors.Is(err, unix.ECONNREFUSED):
		return "nobody listens at it: start the engine, or remove the socket if it is left over"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return "run as root, or as a user who may write to the socket"
	case errors.Is(err, context.DeadlineExceeded):
		return "it did not answer in time: does the engine hang? Look at its log, or leave it out by naming others with --runtime-endpoint"
	}
	return "is it the socket of Docker, Podman, containerd or CRI-O? Look at the engine's log"
}
