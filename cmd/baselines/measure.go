package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/exporter/baselines"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// measurement is one run of this command.
type measurement struct {
	opts    options
	program *program
	abi     syscalls.ABI
	dir     string // everything of this run, containers' bundles included
	parent  *parentCgroup
	source  source
	stderr  io.Writer
	starts  int // so far: makes IDs
}

func measureAndWrite(ctx context.Context, opts options, stdout, stderr io.Writer) error {
	if os.Geteuid() != 0 {
		return errors.New("containers are started as root: run this as root")
	}
	abi, ok := syscalls.Native(runtime.GOARCH)
	if !ok {
		return fmt.Errorf("no table of system calls for %s: measure on another machine", runtime.GOARCH)
	}
	p, err := findProgram(ctx, opts.runtime, opts.origin)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "scallop-baselines-")
	if err != nil {
		return fmt.Errorf("make a folder for containers: %w", err)
	}
	defer os.RemoveAll(dir)
	m := &measurement{opts: opts, program: p, abi: abi, dir: dir, stderr: stderr}
	defer m.close()
	if err := m.prepare(ctx); err != nil {
		return err
	}
	b, err := m.baseline(ctx)
	if err != nil {
		return err
	}
	return write(b, opts.dir, stdout, stderr)
}

func (m *measurement) prepare(ctx context.Context) error {
	// Root of another user namespace must get to the container's root.
	if err := os.Chmod(m.dir, 0o755); err != nil {
		return err
	}
	if err := newRootfs(filepath.Join(m.dir, "rootfs")); err != nil {
		return err
	}
	var err error
	if m.parent, err = newParentCgroup(); err != nil {
		return err
	}
	m.source, err = openSource(ctx, m.opts.sources, m.dir, m.parent)
	return err
}

func (m *measurement) close() {
	if m.source != nil {
		_ = m.source.close() // it was only read
	}
	if m.parent != nil {
		m.parent.close()
	}
}

func (m *measurement) baseline(ctx context.Context) (*baselines.Baseline, error) {
	b := &baselines.Baseline{
		APIVersion: baselines.APIVersion, Kind: baselines.Kind,
		Runtime: m.program.family, Version: m.program.version, Origin: m.program.origin, Build: m.program.build,
		Architecture: string(m.abi), Kernel: kernelVersion(), Date: m.opts.date, Method: m.source.method(),
	}
	for _, noNewPrivs := range []bool{false, true} {
		s, err := m.setting(ctx, noNewPrivs)
		if err != nil {
			return nil, err
		}
		b.Settings = append(b.Settings, *s)
	}
	return b, nil
}

func (m *measurement) setting(ctx context.Context, noNewPrivs bool) (*baselines.Setting, error) {
	t := &tally{abi: m.abi, setting: baselines.Setting{NoNewPrivs: noNewPrivs}, calls: map[int]*baselines.Call{}}
	for _, k := range kinds {
		fmt.Fprintf(m.stderr, "baselines: %s %s, no_new_privs %t: %s\n", m.program.family, m.program.version, noNewPrivs, k.name)
		if err := m.kind(ctx, t, k); err != nil {
			return nil, fmt.Errorf("measure %q: %w", k.name, err)
		}
	}
	return t.sum(), nil
}

// kind measures one kind of start. One that does not work at all is noted and left out; one that worked
// before must work again.
func (m *measurement) kind(ctx context.Context, t *tally, k kind) error {
	for i := range m.opts.starts {
		counts, err := m.attempt(ctx, k, t.setting.NoNewPrivs)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if failed := (*startError)(nil); i == 0 && errors.As(err, &failed) {
			why := m.reason(err)
			fmt.Fprintf(m.stderr, "baselines: left out: %s\n", why)
			t.fail(k.name, why)
			return nil
		}
		if err != nil {
			return err
		}
		if err := t.add(k.name, counts); err != nil {
			return err
		}
	}
	return nil
}

// attempts at a start that fails: strace 6.1 was seen to hang over a thread that was killed
// while it was stopped ("PTRACE_LISTEN: Input/output error").
const attempts = 3

func (m *measurement) attempt(ctx context.Context, k kind, noNewPrivs bool) (counts handoverCounts, err error) {
	for range attempts {
		counts, err = m.one(ctx, k, noNewPrivs)
		if failed := (*startError)(nil); ctx.Err() != nil || !errors.As(err, &failed) {
			break
		}
	}
	return counts, err
}

// one measures one start.
func (m *measurement) one(ctx context.Context, k kind, noNewPrivs bool) (handoverCounts, error) {
	m.starts++
	id := m.id()
	c := &container{program: m.program, dir: m.dir, id: id, spec: newSpec(m.parent.Path+"/"+id, noNewPrivs, k), source: m.source}
	if err := c.start(ctx, k.how); err != nil {
		return nil, err
	}
	return m.source.end()
}

// id of the container of the current start.
func (m *measurement) id() string {
	return fmt.Sprintf("scallop-baseline-%d-%d", os.Getpid(), m.starts)
}

// reason is the last message of a runtime, without what differs from one run to the next.
func (m *measurement) reason(err error) string {
	text := strings.NewReplacer(m.dir, "BUNDLE", m.id(), "ID").Replace(err.Error())
	if i := strings.LastIndex(text, "msg="); i >= 0 {
		text = text[i+len("msg="):]
	}
	text = recording.CleanString(strings.Trim(text, `" `))
	return text[:min(len(text), 300)]
}

// kernelVersion is the release's number, without what names the build.
func kernelVersion() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	release := unix.ByteSliceToString(u.Release[:])
	if end := strings.IndexFunc(release, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }); end > 0 {
		release = release[:end]
	}
	return release
}

func write(b *baselines.Baseline, dir string, stdout, stderr io.Writer) error {
	data, err := baselines.Encode(b)
	if err != nil {
		return err
	}
	if dir == "-" {
		_, err := stdout.Write(data)
		return err
	}
	path := filepath.Join(dir, b.FileName())
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("write the baseline: %w: choose a folder with --output-dir", err)
	}
	fmt.Fprintf(stderr, "baselines: wrote %s\n", path)
	return nil
}
