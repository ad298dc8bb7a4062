package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// straceSource reads the calls out of `strace -ff -n`: one file for each thread.
type straceSource struct {
	path    string
	version string
	dir     string
}

func newStrace(ctx context.Context, dir string) (*straceSource, error) {
	path, err := exec.LookPath("strace")
	if err != nil {
		return nil, fmt.Errorf("find strace: %w: apt-get install strace", err)
	}
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("ask strace for its version: %w", err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return &straceSource{path: path, version: strings.TrimSpace(strings.TrimPrefix(line, "strace -- version")), dir: dir}, nil
}

func (s *straceSource) tracer() []string {
	return []string{s.path, "-ff", "-n", "-qq", "-e", "signal=none", "-o", filepath.Join(s.dir, "trace")}
}

// begin forgets the start before.
func (s *straceSource) begin() error {
	old, err := filepath.Glob(filepath.Join(s.dir, "trace.*"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("remove an old trace: %w", err)
		}
	}
	return nil
}

// end returns what the one process that loaded a filter called then.
func (s *straceSource) end() (handoverCounts, error) {
	paths, err := filepath.Glob(filepath.Join(s.dir, "trace.*"))
	if err != nil {
		return nil, err
	}
	sum, starts := handoverCounts{}, 0
	for _, path := range paths {
		counts, err := readTrace(path)
		if err != nil {
			return nil, err
		}
		if counts != nil {
			starts++
		}
		for nr, n := range counts {
			sum[nr] += n
		}
	}
	if starts != 1 {
		return nil, fmt.Errorf("%d threads loaded a filter and made an execve, not one: this runtime starts containers in a way that is not known here", starts)
	}
	return sum, nil
}

func readTrace(path string) (handoverCounts, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read a trace: %w", err)
	}
	defer f.Close()
	return parseTrace(f)
}

// traceLine is e.g. `[  59] execve("/bin/true", …) = 0`.
var traceLine = regexp.MustCompile(`^\[ *([0-9]+)\] ([a-z0-9_]+)\(`)

// filterLoaded: the probes of libseccomp for what the kernel can do fail, or set the strict mode with bad flags.
var filterLoaded = regexp.MustCompile(`^(seccomp\(SECCOMP_SET_MODE_FILTER|prctl\(PR_SET_SECCOMP, SECCOMP_MODE_FILTER).*\) += [0-9]+$`)

// errNoExec: what came after the filter is no start.
var errNoExec = errors.New("a thread loaded a filter and never made an execve: the start failed")

// parseTrace reads one thread: from the call that loaded the filter, which is not
// counted, to the execve that succeeded, which is. It returns nil for a thread that loaded none.
func parseTrace(r io.Reader) (handoverCounts, error) {
	var counts handoverCounts
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), 4<<20)
	for lines.Scan() {
		m := traceLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue // signals, exits
		}
		call := lines.Text()[len(m[0])-len(m[2])-1:]
		if filterLoaded.MatchString(call) && counts == nil {
			counts = handoverCounts{}
			continue
		}
		if counts == nil {
			continue
		}
		nr, err := strconv.Atoi(m[1])
		if err != nil {
			return nil, fmt.Errorf("trace line %q: %w", lines.Text(), err)
		}
		counts[nr]++
		if strings.HasPrefix(m[2], "execve") && (strings.HasSuffix(call, " = 0") || strings.Contains(call, "<pid changed to ")) {
			return counts, nil
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read a trace: %w", err)
	}
	if counts != nil {
		return nil, errNoExec
	}
	return nil, nil
}

func (s *straceSource) method() string {
	return fmt.Sprintf("strace %s, option -ff: every call of the thread that loads the filter, from the next one to the execve of the workload", s.version)
}

func (s *straceSource) close() error { return nil }
