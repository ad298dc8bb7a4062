package ready

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"slices"
	"strings"
)

// Notify is a NOTIFY_SOCKET, as sd_notify(3) knows it.
type Notify struct {
	conn *net.UnixConn
	// Address is the variable's value: an abstract socket, which needs no folder that
	// the workload's user could not reach.
	Address string
}

// NewNotify opens a socket of its own.
func NewNotify() (*Notify, error) {
	address := "@scallop/notify/" + rand.Text()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("opening the notify socket: %w", err)
	}
	return &Notify{conn: conn, Address: address}, nil
}

// Close ends a Check that waits.
func (n *Notify) Close() error { return n.conn.Close() }

// Check is ready at the message READY=1.
func (n *Notify) Check() Check {
	return Check{Kind: "ready-notify", Wait: func(ctx context.Context) (string, error) {
		stop := context.AfterFunc(ctx, func() { n.conn.Close() })
		defer stop()
		message := make([]byte, 64<<10)
		for {
			size, err := n.conn.Read(message)
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			if err != nil {
				return "", fmt.Errorf("reading the notify socket: %w", err)
			}
			if slices.Contains(strings.Split(string(message[:size]), "\n"), "READY=1") {
				return "READY=1", nil
			}
		}
	}}
}
