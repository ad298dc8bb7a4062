package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Mark begins a phase in a live recording. Name is that of a scallop run, or of a workload that a
// scallop record knows; RECORDER/WORKLOAD says which record is meant if several know it.
func Mark(dir, name, phase string) error {
	if _, err := os.ReadDir(dir); errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("looking for recording %q: %w: call as root or as the recorder's user", name, err)
	}
	if server, workload, ok := strings.Cut(name, "/"); ok {
		return markAt(dir, server, Request{workload, phase})
	}
	if CheckName(name) == nil {
		if _, err := os.Stat(socketPath(dir, name)); err == nil {
			return markAt(dir, name, Request{Phase: phase})
		}
	}
	knowing := thatKnow(dir, name)
	switch len(knowing) {
	case 0:
		return fmt.Errorf("no live recording %q: %s", name, liveOnes(dir))
	case 1:
		return markAt(dir, knowing[0], Request{name, phase})
	default:
		return fmt.Errorf("%q is recorded by %s: say which, as %s/%s", name, strings.Join(knowing, " and "), knowing[0], name)
	}
}

// thatKnow asks every live scallop for the workload.
func thatKnow(dir, workload string) []string {
	var names []string
	for _, name := range sockets(dir) {
		if reply, err := ask(dir, name, Request{Workload: workload}); err == nil && reply.Error == "" {
			names = append(names, name)
		}
	}
	return names
}

func markAt(dir, name string, r Request) error {
	if err := CheckName(name); err != nil {
		return err
	}
	reply, err := ask(dir, name, r)
	if err != nil {
		return err
	}
	if reply.Error != "" {
		return errors.New(reply.Error)
	}
	return nil
}

func ask(dir, name string, r Request) (answer, error) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socketPath(dir, name), Net: "unix"})
	if err != nil {
		return answer{}, fmt.Errorf("no live recording %q: %w: %s", name, unwrapDial(err), liveOnes(dir))
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(timeout))
	// Who may not ask is answered before the request is read: sending it may fail then.
	sendErr := json.NewEncoder(conn).Encode(r)
	var reply answer
	if err := json.NewDecoder(io.LimitReader(conn, maxMessage)).Decode(&reply); err != nil {
		if sendErr != nil {
			return answer{}, fmt.Errorf("asking recording %q: %w: try again", name, sendErr)
		}
		return answer{}, fmt.Errorf("recording %q gave no answer: %w: did it just end?", name, err)
	}
	return reply, nil
}

func unwrapDial(err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// sockets are the names of the sockets in dir, sorted; those of scallops that were killed, too.
func sockets(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), suffix); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// liveOnes is the next step for a name that is not there.
func liveOnes(dir string) string {
	names := slices.DeleteFunc(sockets(dir), func(name string) bool {
		conn, err := net.Dial("unix", socketPath(dir, name))
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	if len(names) == 0 {
		return "none is live; start one with `scallop run` or `scallop record`"
	}
	return "live are " + strings.Join(names, ", ")
}
