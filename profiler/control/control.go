// Package control lets `scallop mark` reach a live recording: a Unix socket a
// recording, mode 0600, one JSON request and one JSON answer a connection.
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
	"slices"
	"strings"
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

type request struct {
	Phase string `json:"phase"`
}

type answer struct {
	Error string `json:"error,omitempty"`
}

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// CheckName tells whether a recording can have this name: it becomes a file's.
func CheckName(name string) error {
	if validName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("name %q: use 1 to 64 letters, digits, '.', '_' and '-', a letter or digit first", name)
}

// Server answers requests for one recording.
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
	for _, candidate := range []string{name, fmt.Sprintf("%s-%d", name, os.Getpid())} {
		listener, err := listen(filepath.Join(dir, candidate+suffix))
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

// Serve answers until Close; mark begins the phase or says why not. Connections come
// one after the other.
func (s *Server) Serve(ctx context.Context, mark func(ctx context.Context, phase string) error) {
	for {
		conn, err := s.listener.AcceptUnix()
		if err != nil {
			return // closed
		}
		handle(ctx, conn, mark)
		conn.Close()
	}
}

func handle(ctx context.Context, conn *net.UnixConn, mark func(context.Context, string) error) {
	_ = conn.SetDeadline(time.Now().Add(timeout))
	var reply answer
	if err := serveOne(ctx, conn, mark); err != nil {
		reply.Error = err.Error()
	}
	_ = json.NewEncoder(conn).Encode(reply) // the client may be gone
}

func serveOne(ctx context.Context, conn *net.UnixConn, mark func(context.Context, string) error) error {
	if err := checkPeer(conn); err != nil {
		return err
	}
	var r request
	if err := json.NewDecoder(io.LimitReader(conn, maxMessage)).Decode(&r); err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return mark(ctx, r.Phase)
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

// Mark begins a phase in the live recording of that name.
func Mark(dir, name, phase string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	address := &net.UnixAddr{Name: filepath.Join(dir, name+suffix), Net: "unix"}
	conn, err := net.DialUnix("unix", nil, address)
	if err != nil {
		return fmt.Errorf("no live recording %q: %w: %s", name, unwrapDial(err), liveOnes(dir))
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(timeout))
	if err := json.NewEncoder(conn).Encode(request{Phase: phase}); err != nil {
		return fmt.Errorf("asking recording %q: %w: try again", name, err)
	}
	var reply answer
	if err := json.NewDecoder(io.LimitReader(conn, maxMessage)).Decode(&reply); err != nil {
		return fmt.Errorf("recording %q gave no answer: %w: did it just end?", name, err)
	}
	if reply.Error != "" {
		return errors.New(reply.Error)
	}
	return nil
}

func unwrapDial(err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// liveOnes is the next step for a name that is not there.
func liveOnes(dir string) string {
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), suffix); ok {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "none is live; start one with `scallop run`"
	}
	slices.Sort(names)
	return "live are " + strings.Join(names, ", ")
}
