// Package servers has the real servers of tests, nginx, Redis and PostgreSQL: how they are configured, and the traffic that
// they get, the same when they are recorded and when they run under their profile. How they are started is the tests' own.
package servers

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"
)

// Place is where a server is to be reached.
type Place struct {
	Address  string        // host:port
	Dial     Dial          // nil: from where the test runs
	Patience time.Duration // with each answer
}

// Dial connects, as that of net.Dialer.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

func (p Place) dial() Dial {
	if p.Dial == nil {
		return (&net.Dialer{Timeout: p.Patience}).DialContext
	}
	return p.Dial
}

// FreeAddress is a local address that nobody listens on.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// repeat makes n requests; errors tell which failed.
func repeat(n int, request func(i int) error) error {
	for i := range n {
		if err := request(i); err != nil {
			return fmt.Errorf("request %d of %d: %w", i+1, n, err)
		}
	}
	return nil
}
