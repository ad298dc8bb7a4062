package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// usage is what scallop takes at one moment.
type usage struct {
	at             time.Duration // since the first look
	cpu            time.Duration // in all its life
	resident, peak int           // bytes
	maps           int           // bytes of kernel memory, as the kernel counts them
	files          int           // open descriptors
}

// sample looks at scallop at even intervals, and once more at the end of ctx.
func (r *report) sample(ctx context.Context, scallop *recorder) error {
	next := time.NewTicker(max(time.Millisecond, r.options.duration/time.Duration(r.options.samples)))
	defer next.Stop()
	for began := time.Now(); ; {
		u, err := readUsage(fmt.Sprintf("/proc/%d", scallop.cmd.Process.Pid))
		if err != nil {
			return err
		}
		u.at = time.Since(began)
		r.usage = append(r.usage, u)
		if ctx.Err() != nil {
			return nil
		}
		select {
		case <-next.C:
		case <-ctx.Done():
		}
	}
}

// readUsage of the process whose folder below /proc this is.
func readUsage(proc string) (usage, error) {
	stat, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return usage{}, err
	}
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	if err != nil {
		return usage{}, err
	}
	u := usage{resident: kibibytes(status, "VmRSS") << 10, peak: kibibytes(status, "VmHWM") << 10}
	if u.cpu, err = parseCPU(stat); err != nil {
		return u, fmt.Errorf("%s/stat: %w", proc, err)
	}
	u.maps, u.files, err = descriptors(filepath.Join(proc, "fdinfo"))
	return u, err
}

// clockTick is of times in /proc: sysconf(_SC_CLK_TCK), 100 on all of Linux's own architectures.
const clockTick = 10 * time.Millisecond

// parseCPU is user and system time in the text of /proc/PID/stat: proc_pid_stat(5), fields 14 and 15.
func parseCPU(stat []byte) (time.Duration, error) {
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("%d fields behind the name", len(fields))
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * clockTick, errors.Join(err1, err2)
}

// kibibytes is the number in a line "KEY: 12 kB", 0 if there is none.
func kibibytes(text []byte, key string) int {
	n, _ := strconv.Atoi(strings.TrimSuffix(field(text, key), " kB"))
	return n
}

// field is what stands behind "KEY:" in a line of its own.
func field(text []byte, key string) string {
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); name == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// descriptors counts them, and adds up what the maps among them take: the kernel tells in fdinfo.
func descriptors(dir string) (mapBytes, files int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, 0, err
	}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			continue // it was closed meanwhile
		}
		files++
		if field(text, "map_id") != "" {
			n, _ := strconv.Atoi(field(text, "memlock"))
			mapBytes += n
		}
	}
	return mapBytes, files, nil
}
