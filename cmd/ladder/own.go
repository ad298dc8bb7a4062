package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ownProcess is what scallop's own process takes while it records.
type ownProcess struct {
	Seconds  float64 `json:"seconds"`
	CPUShare float64 `json:"cpuShare"` // of one core
	Resident int64   `json:"residentBytes"`
	Error    string  `json:"error,omitempty"`
}

// Bars on scallop's own process.
const (
	maxCPUShare = 0.01
	maxResident = 40 << 20
)

// ownTime is long enough for looks at the counters and checkpoints to show.
const ownTime = 10 * time.Second

// ownLoad makes calls without a pause and starts a process some hundred times a second.
const ownLoad = `while :; do /bin/true; done`

// measureOwn records a busy command with the binary at path, and looks at what the
// recorder itself used from its start on, loading included.
func measureOwn(ctx context.Context, path string) *ownProcess {
	own, err := recordBusy(ctx, path)
	if err != nil {
		return &ownProcess{Error: err.Error()}
	}
	return own
}

func recordBusy(ctx context.Context, path string) (*ownProcess, error) {
	dir, err := os.MkdirTemp("", "ladder")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.CommandContext(ctx, path, "run", "-q", "--checkpoint", "2s", "-o", filepath.Join(dir, "own.json"), "--", "/bin/sh", "-c", ownLoad)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: build it with `make build`", err)
	}
	begin := time.Now()
	select {
	case <-time.After(ownTime):
	case <-ctx.Done():
	}
	own, err := usage(cmd.Process.Pid, time.Since(begin))
	return own, errors.Join(err, cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
}

// usage reads proc_pid_stat(5): fields 14 and 15 are the process's own time in ticks,
// without its children; and the peak resident size.
func usage(pid int, elapsed time.Duration) (*ownProcess, error) {
	const ticks = 100 // per second, for user space on every architecture: USER_HZ
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return nil, fmt.Errorf("/proc/%d/stat has %d fields behind the name", pid, len(fields))
	}
	user, userErr := strconv.ParseFloat(fields[11], 64)
	system, systemErr := strconv.ParseFloat(fields[12], 64)
	resident, residentErr := peakResident(pid)
	return &ownProcess{
		Seconds:  elapsed.Seconds(),
		CPUShare: (user + system) / ticks / elapsed.Seconds(),
		Resident: resident,
	}, errors.Join(userErr, systemErr, residentErr)
}

func peakResident(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("the status of scallop's process has no VmHWM line")
}

func (o *ownProcess) line() string {
	if o.Error != "" {
		return "scallop's own process: not measured: " + o.Error
	}
	word := "ok"
	if o.CPUShare > maxCPUShare || o.Resident > maxResident {
		word = "MISSED"
	}
	return fmt.Sprintf("scallop's own process over %.0f s: %.2f %% of a core (at most %g), %.1f MiB resident at most (at most %d) %s",
		o.Seconds, 100*o.CPUShare, 100*maxCPUShare, float64(o.Resident)/(1<<20), maxResident>>20, word)
}
