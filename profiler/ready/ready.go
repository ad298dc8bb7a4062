// Package ready finds out when a workload is ready: what ends its startup.
package ready

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"time"
)

// Check waits until the workload is ready. Detail is what it saw, for the recording.
// It ends with the context's error if that ends first.
type Check struct {
	Kind string // as recording.Trigger
	Wait func(ctx context.Context) (detail string, err error)
}

// interval between two attempts, and timeout of one.
const (
	interval = 100 * time.Millisecond
	timeout  = 2 * time.Second
)

// HTTP is ready at the first answer below 400 to a GET of the URL.
func HTTP(text string) (Check, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return Check{}, fmt.Errorf("--ready-http %q: not an http URL: write it as http://127.0.0.1:8080/", text)
	}
	// One connection an attempt: a kept one would make the workload hold it.
	client := &http.Client{Timeout: timeout, Transport: &http.Transport{DisableKeepAlives: true}}
	return Check{Kind: "ready-http", Wait: func(ctx context.Context) (string, error) {
		return retry(ctx, func(ctx context.Context) (string, error) { return get(ctx, client, text) })
	}}, nil
}

func get(ctx context.Context, client *http.Client, text string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, text, nil)
	if err != nil {
		return "", err
	}
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 1<<20)
	if answer.StatusCode >= http.StatusBadRequest {
		return "", errors.New(answer.Status)
	}
	return fmt.Sprintf("%s answered %d", text, answer.StatusCode), nil
}

// TCP is ready when the address, HOST:PORT, accepts a connection.
func TCP(address string) (Check, error) {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return Check{}, fmt.Errorf("--ready-tcp %q: %w: write it as 127.0.0.1:6379", address, err)
	}
	dialer := net.Dialer{Timeout: timeout}
	return Check{Kind: "ready-tcp", Wait: func(ctx context.Context) (string, error) {
		return retry(ctx, func(ctx context.Context) (string, error) {
			conn, err := dialer.DialContext(ctx, "tcp", address)
			if err != nil {
				return "", err
			}
			conn.Close()
			return address + " accepted a connection", nil
		})
	}}, nil
}

// Exec is ready when the shell command exits with 0. It runs outside the
// workload: its calls are not recorded.
func Exec(command string, env []string) Check {
	return Check{Kind: "ready-exec", Wait: func(ctx context.Context) (string, error) {
		return retry(ctx, func(ctx context.Context) (string, error) {
			cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
			cmd.Env = env
			return command + " exited with code 0", cmd.Run()
		})
	}}
}

// After is ready after a fixed time.
func After(d time.Duration) Check {
	return Check{Kind: "ready-after", Wait: func(ctx context.Context) (string, error) {
		return d.String(), sleep(ctx, d)
	}}
}

// Settle is ready when no call was seen for the first time for d. lastNew and now
// are in nanoseconds of one clock; lastNew is 0 as long as there is none.
func Settle(d time.Duration, lastNew, now func() int64) Check {
	return Check{Kind: "settle", Wait: func(ctx context.Context) (string, error) {
		for began := now(); ; {
			quiet := time.Duration(now() - max(began, lastNew()))
			if quiet >= d {
				return "no new call for " + d.String(), nil
			}
			if err := sleep(ctx, d-quiet); err != nil {
				return "", err
			}
		}
	}}
}

func retry(ctx context.Context, attempt func(context.Context) (string, error)) (string, error) {
	for {
		detail, err := attempt(ctx)
		if err == nil {
			return detail, nil
		}
		if err := sleep(ctx, interval); err != nil {
			return "", err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
