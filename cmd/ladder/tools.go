package main

import (
	"bytes"
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

// toolRows are other tools, each with the flags that make it cheapest.
func toolRows() []row {
	return []row{
		{name: rowSyscount, attach: syscount},
		{name: rowSyscountCgroup, attach: syscountCgroup},
		{name: "perf trace -s -p PID", order: perfOrder, attach: perfTrace},
		{name: rowStrace, order: straceOrder, child: strace},
	}
}

// syscount counts the calls of all tasks, its cheapest way.
func syscount(ctx context.Context, b *bench) (func() error, error) {
	return startTool(ctx, "", "syscount", "libbpf-tools")
}

// syscountCgroup counts those of one cgroup, as scallop does.
func syscountCgroup(ctx context.Context, b *bench) (func() error, error) {
	return startTool(ctx, "", "syscount", "libbpf-tools", "-c", b.dir(b.groups[groupLoop].name))
}

// perfTrace records every call of the loop and sums them up at its end.
func perfTrace(ctx context.Context, b *bench) (func() error, error) {
	return startTool(ctx, "", "perf", "linux-perf", "trace", "-s", "-o", os.DevNull, "-p", strconv.Itoa(b.loop.cmd.Process.Pid))
}

func strace(b *bench) (*child, error) {
	path, err := findTool("strace", "strace")
	if err != nil {
		return nil, err
	}
	return b.start([]string{path, "-f", "-c", "-o", os.DevNull}, loopGetppid, groupLoop)
}

// startTool starts a tracer in a folder, empty for this one, and waits until it has attached.
func startTool(ctx context.Context, dir, name, pkg string, args ...string) (func() error, error) {
	path, err := findTool(name, pkg)
	if err != nil {
		return nil, err
	}
	var said bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stderr = dir, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	if err := waitAttached(ctx, cmd.Process.Pid); err != nil {
		stopTool(cmd)
		return nil, fmt.Errorf("%s: %w: %s", name, err, firstLine(said.String()))
	}
	return func() error { stopTool(cmd); return nil }, nil
}

// findTool also looks where root's PATH may not.
func findTool(name, pkg string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	path, err := exec.LookPath("/usr/sbin/" + name)
	if err != nil {
		return "", fmt.Errorf("%s is not installed: apt-get install %s", name, pkg)
	}
	return path, nil
}

// errNotAttached is what a tool gets that has no perf event or BPF link.
var errNotAttached = errors.New("did not attach")

func waitAttached(ctx context.Context, pid int) error {
	for range 200 {
		if attached(pid) {
			return sleep(ctx, 300*time.Millisecond) // until it has enabled all of them
		}
		if err := sleep(ctx, 25*time.Millisecond); err != nil {
			return err
		}
	}
	return errNotAttached
}

// attached tells whether the process holds a perf event or a BPF link.
func attached(pid int) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		target, _ := os.Readlink(filepath.Join(dir, entry.Name()))
		if strings.Contains(target, "perf_event") || strings.Contains(target, "bpf-link") || strings.Contains(target, "bpf_link") {
			return true
		}
	}
	return false
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// stopTool asks as a terminal would, then insists.
func stopTool(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(syscall.SIGINT)
	timer := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	_ = cmd.Wait() // how it ends says nothing
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
