// Package multicast hears the kernel's audit records live, from the group that it sends them to beside
// auditd: none needs to run, and auditing need not be enabled.
package multicast

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/audit"
)

// Listener hears every audit record of the host. (go-libaudit has a client, too, but its reads cannot be ended, and
// its buffer is the system's default.)
type Listener struct {
	socket *os.File
	conn   syscall.RawConn
	buffer []byte

	mu         sync.Mutex
	losses     Losses
	serials    audit.Serials
	lostBefore uint32 // the kernel's own count; valid if counted
	counted    bool
}

// Losses is what was not heard.
type Losses struct {
	// Missing events, of whatever type, are those whose serial numbers never came: the reader was too slow, or the
	// kernel was told to send no more a second (audit_rate_limit).
	Missing uint64
	// Overflows is how often the socket had no room. What was lost then is known once the next event comes.
	Overflows uint64
	// Backlog is what the kernel says that it dropped before it numbered it. Zero without CAP_AUDIT_CONTROL: then nobody knows.
	Backlog uint64
	// Unread records were not understood.
	Unread uint64
}

// receiveBuffer has room for some hundred thousand records, in bytes: a flood of denials comes faster than it is read.
const receiveBuffer = 64 << 20

// maxRecord is more than the kernel puts into one message (MAX_AUDIT_MESSAGE_LENGTH 8970).
const maxRecord = 1 << 16

// Listen begins to hear. What happens from its return on is heard, or counted as lost.
func Listen() (*Listener, error) { return listen(receiveBuffer) }

func listen(buffer int) (*Listener, error) {
	if err := checkNamespace(); err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_AUDIT)
	if err != nil {
		return nil, listenError(err, "this kernel needs CONFIG_AUDIT")
	}
	group := &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1 << (unix.AUDIT_NLGRP_READLOG - 1)}
	if err := unix.Bind(fd, group); err != nil {
		unix.Close(fd)
		return nil, listenError(err, "run as root, or with CAP_AUDIT_READ, in the initial user namespace")
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) != nil {
		// Without CAP_NET_ADMIN it is as large as net.core.rmem_max lets it be.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer)
	}
	l := &Listener{socket: os.NewFile(uintptr(fd), "audit"), buffer: make([]byte, maxRecord)}
	if l.conn, err = l.socket.SyscallConn(); err != nil {
		l.Close()
		return nil, listenError(err, "this is a bug in scallop, please report it")
	}
	l.lostBefore, l.counted = kernelLost()
	return l, nil
}

// Next waits for the next SECCOMP record. It ends with the context's error, or with why nothing can be heard any more.
func (l *Listener) Next(ctx context.Context) (*audit.Record, error) {
	_ = l.socket.SetReadDeadline(time.Time{}) // of an earlier context
	stop := context.AfterFunc(ctx, func() { _ = l.socket.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for {
		typ, text, err := l.receive()
		switch {
		case err == nil:
			if r := l.heard(typ, text); r != nil {
				return r, nil
			}
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, unix.ENOBUFS):
			l.count(func() { l.losses.Overflows++ })
		default:
			return nil, listenError(err, "begin again")
		}
	}
}

// heard takes note of a record, and returns it if it is seccomp's.
func (l *Listener) heard(typ uint16, text string) *audit.Record {
	serial, ok := audit.SerialOf(text)
	var r *audit.Record
	var err error
	if typ == unix.AUDIT_SECCOMP {
		r, err = audit.ParseMessage(text)
	}
	l.count(func() {
		if ok {
			l.serials.Saw(serial)
		}
		if err != nil {
			l.losses.Unread++
		}
	})
	if err != nil {
		return nil
	}
	return r
}

// receive reads one message of the kernel.
func (l *Listener) receive() (typ uint16, text string, err error) {
	for typ == 0 && err == nil {
		var n int
		var from unix.Sockaddr
		wait := l.conn.Read(func(fd uintptr) bool {
			n, from, err = unix.Recvfrom(int(fd), l.buffer, 0)
			return !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
		})
		if wait != nil {
			return 0, "", wait
		}
		if sender, ok := from.(*unix.SockaddrNetlink); ok && sender.Pid == 0 && n > unix.SizeofNlMsghdr {
			typ, text = binary.NativeEndian.Uint16(l.buffer[4:]), string(l.buffer[unix.SizeofNlMsghdr:n])
		}
	}
	return typ, text, err
}

func (l *Listener) count(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// Losses are those so far. It may be called while another goroutine waits in Next.
func (l *Listener) Losses() Losses {
	now, ok := kernelLost()
	l.mu.Lock()
	defer l.mu.Unlock()
	losses := l.losses
	losses.Missing = l.serials.Missing()
	// What the rate limit drops has a number, and is counted twice.
	if dropped := uint64(now - l.lostBefore); ok && l.counted && dropped > losses.Missing {
		losses.Backlog = dropped - losses.Missing
	}
	return losses
}

// Idle tells whether Next has read all that the kernel has sent so far. It may be called while another goroutine waits in it.
func (l *Listener) Idle() bool {
	idle := false
	_ = l.conn.Control(func(fd uintptr) { // of a closed one nothing is to be read
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		idle = err == nil && n == 0
	})
	return idle
}

// Close ends hearing, and whoever waits in Next.
func (l *Listener) Close() { _ = l.socket.Close() }

func listenError(err error, next string) error {
	return fmt.Errorf("listening to audit records: %w: %s", err, next)
}
