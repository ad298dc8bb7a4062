// Package control lets `scallop mark` reach a live recording: a Unix socket for each scallop that
// records, mode 0600, one JSON request and one JSON answer a connection.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultDir holds the sockets; the environment's SCALLOP_RUNTIME_DIR names another.
const DefaultDir = "/run/scallop"

const (
	suffix     = ".sock"
	maxMessage = 4096 // bytes
	maxPath    = 107  // bytes: unix(7), without the NUL
	timeout    = 5 * time.Second
)

// Request is for a phase of a workload. Workload is empty for the only one of scallop run; without a
// Phase, it only asks whether the workload is known.
type Request struct {
	Workload string `json:"workload,omitempty"`
	Phase    string `json:"phase,omitempty"`
}

type answer struct {
	Error   string `json:"error,omitempty"`
	Unknown bool   `json:"unknown,omitempty"` // the workload is
}

// ErrUnknown is for a workload that is not recorded here.
var ErrUnknown = errors.New("no such workload is being recorded")

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// CheckName tells whether a recording can have this name: it becomes a file's.
func CheckName(name string) error {
	if validName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("name %q: use 1 to 64 letters, digits, '.', '_' and '-', a letter or digit first", name)
}

func socketPath(dir, name string) string { return filepath.Join(dir, name+suffix) }

// Server answers requests for one scallop.
type Server struct {
	Name     string // as `scallop mark` is to call it
	listener *net.UnixListener
}

// Listen opens the socket of a recording. If a live recording has the name
// already, this one gets the process ID behind its own.
func Listen(dir, name string) (*Server, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of control sockets: %w: run as root, or name another in SCALLOP_RUNTIME_DIR", err)
	}
	unlock, err := lock(dir)
	if err != nil {
		return nil, fmt.Errorf("locking the folder of control sockets: %w: name another in SCALLOP_RUNTIME_DIR", err)
	}
	defer unlock()
	sweep(dir)
	for _, candidate := range []string{name, fmt.Sprintf("%s-%d", name, os.Getpid())} {
		listener, err := listen(socketPath(dir, candidate))
		if errors.Is(err, unix.EADDRINUSE) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("opening the control socket: %w: run as root, or name another folder in SCALLOP_RUNTIME_DIR", err)
		}
		return &Server{Name: candidate, listener: listener}, nil
	}
	return nil, fmt.Errorf("opening the control socket: %q is taken by another recording: give this one a --name", name)
}

// lock keeps others that begin at the same time out of the folder: a socket that is bound, and not listened at
// yet, looks like one whose scallop was killed.
func lock(dir string) (unlock func() error, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}

// sweep removes sockets that nobody answers at: their scallops were killed.
func sweep(dir string) {
	for _, name := range sockets(dir) {
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socketPath(dir, name), Net: "unix"})
		if err == nil {
			conn.Close()
		} else if errors.Is(err, unix.ECONNREFUSED) {
			_ = os.Remove(socketPath(dir, name))
		}
	}
}

// listen replaces a socket that nobody answers at: its scallop was killed.
func listen(path string) (*net.UnixListener, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("%s: longer than %d bytes", path, maxPath)
	}
	address := &net.UnixAddr{Name: path, Net: "unix"}
	// The mode must be right from the start, not a moment later: bind under a mask
	// is not safe in a process with threads, so the folder (0700) guards that moment.
	listener, err := net.ListenUnix("unix", address)
	if errors.Is(err, unix.EADDRINUSE) {
		conn, dialErr := net.DialUnix("unix", nil, address)
		if dialErr == nil {
			conn.Close()
			return nil, err
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		listener, err = net.ListenUnix("unix", address)
	}
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return nil, err
	}
	return listener, nil
}

// Close removes the socket and ends Serve.
func (s *Server) Close() error { return s.listener.Close() }

// Handler begins a phase, or says why not. ErrUnknown lets the caller look elsewhere.
type Handler func(ctx context.Context, r Request) error

// Serve answers until Close. Connections come one after the other.
func (s *Server) Serve(ctx context.Context, mark Handler) {
	for {
		conn, err := s.listener.AcceptUnix()
		if err != nil {
			return // closed
		}
		handle(ctx, conn, mark)
		conn.Close()
	}
}

func handle(ctx context.Context, conn *net.UnixConn, mark Handler) {
	_ = conn.SetDeadline(time.Now().Add(timeout))
	var reply answer
	if err := serveOne(ctx, conn, mark); err != nil {
		reply = answer{err.Error(), errors.Is(err, ErrUnknown)}
	}
	_ = json.NewEncoder(conn).Encode(reply) // the client may be gone
}

func serveOne(ctx context.Context, conn *net.UnixConn, mark Handler) error {
	if err := checkPeer(conn); err != nil {
		return err
	}
	var r Request
	if err := json.NewDecoder(io.LimitReader(conn, maxMessage)).Decode(&r); err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return mark(ctx, r)
}

// checkPeer accepts root and the recorder's own user, whatever the socket's mode
// has become.
func checkPeer(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	var peerErr error
	if err := raw.Control(func(fd uintptr) {
		peer, peerErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return err
	}
	if peerErr != nil {
		return fmt.Errorf("asking who is calling: %w", peerErr)
	}
	if peer.Uid != 0 && int(peer.Uid) != os.Geteuid() {
		return fmt.Errorf("user %d may not mark phases here: call as root or as the recorder's user", peer.Uid)
	}
	return nil
}
