package profiler

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// tracefsPath is where tracefs is mounted, if it is.
const tracefsPath = "/sys/kernel/tracing"

// eventID is the number by which perf_event_open(2) knows a trace event.
func eventID(group, name string) (uint64, error) {
	text, err := readTracefs("events/" + group + "/" + name + "/id")
	if err != nil {
		return 0, &HostError{"asking tracefs for the number of " + name, err, "mount it: mount -t tracefs tracefs " + tracefsPath}
	}
	return strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
}

// readTracefs reads a file of tracefs, also if that is mounted nowhere.
func readTracefs(name string) ([]byte, error) {
	text, err := os.ReadFile(tracefsPath + "/" + name)
	if !errors.Is(err, os.ErrNotExist) {
		return text, err
	}
	mount, err := detachedTracefs()
	if err != nil {
		return nil, err
	}
	defer mount.Close()
	return mount.ReadFile(name)
}

// detachedTracefs mounts tracefs nowhere: it is gone when it is closed.
func detachedTracefs() (*os.Root, error) {
	fs, err := unix.Fsopen("tracefs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("opening tracefs: %w", err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, fmt.Errorf("opening tracefs: %w", err)
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening tracefs: %w", err)
	}
	defer unix.Close(mount)
	return os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", mount))
}
