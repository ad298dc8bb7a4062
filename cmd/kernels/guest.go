package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// lab has what guests are made of.
type lab struct {
	pins    []pin
	archive *archive
	trees   *trees
	dir     string // for images and roots
	commit  string // of scallop
	options options
}

// unfetched says that a package is not to be had: no verdict on scallop.
type unfetched struct{ err error }

func (e *unfetched) Error() string { return e.err.Error() }
func (e *unfetched) Unwrap() error { return e.err }

// fetched takes one file out of a pinned package.
func (l *lab) fetched(ctx context.Context, p pin, pattern string) ([]byte, error) {
	deb, err := l.archive.fetch(ctx, p)
	if err != nil {
		return nil, &unfetched{err}
	}
	return unpack(ctx, deb, pattern)
}

// writeRoot writes the root of a guest, an initramfs.
type writeRoot func(context.Context, pin, io.Writer) error

// prepare writes a guest's kernel and its root.
func (l *lab) prepare(ctx context.Context, j job, root writeRoot) (boot, error) {
	b := boot{
		Kernel: filepath.Join(l.dir, j.file()+".vmlinuz"), Initrd: filepath.Join(l.dir, j.file()+".cpio"),
		Append: strings.TrimSpace(j.layout.Append + " " + l.options.append), CPUs: cmp.Or(j.layout.CPUs, l.options.cpus), MiB: l.options.mib,
	}
	image, err := l.fetched(ctx, j.pin, "vmlinuz*")
	if err != nil {
		return b, err
	}
	initrd, err := os.Create(b.Initrd)
	if err != nil {
		return b, err
	}
	return b, errors.Join(root(ctx, j.pin, initrd), initrd.Close(), os.WriteFile(b.Kernel, image, 0o644))
}

// scriptRoot is the root of a guest that does what the script says, with the tests and their programs.
func (l *lab) scriptRoot(script string) writeRoot {
	return func(ctx context.Context, p pin, w io.Writer) error {
		box, err := find(l.pins, busybox, p.Arch)
		if err != nil {
			return err
		}
		shell, err := l.fetched(ctx, box, busybox)
		if err != nil {
			return err
		}
		tree, err := l.trees.of(ctx, p.Arch)
		if err != nil {
			return err
		}
		return writeInitrd(w, shell, tree, script)
	}
}

// givenRoot is a folder of the user's, which has an /init.
func givenRoot(dir string) writeRoot {
	return func(_ context.Context, _ pin, w io.Writer) error { return writeTree(w, dir) }
}

// run boots a guest, which has standard input if it is not nil, and returns when it has powered off. One that takes longer
// than the timeout, if there is one, is killed.
func (l *lab) run(ctx context.Context, j job, root writeRoot, stdin io.Reader, console io.Writer) error {
	b, err := l.prepare(ctx, j, root)
	if err != nil {
		return err
	}
	defer os.Remove(b.Initrd)
	if l.options.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, l.options.timeout)
		defer cancel()
	}
	args := machines[j.Arch].command(b)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, console, console
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("running %s: %w", args[0], err)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("the guest did not end within %v: its console tells how far it came", l.options.timeout)
	}
	return ctx.Err()
}

// outcome of one kernel.
type outcome struct {
	Kernel  string       `json:"kernel"`
	Arch    string       `json:"arch"`
	Package string       `json:"package"`
	Version string       `json:"version"`
	Commit  string       `json:"commit"`           // of scallop
	Run     string       `json:"run,omitempty"`    // the tests that were asked for; empty: all
	Append  string       `json:"append,omitempty"` // to the kernel's command line
	Seconds float64      `json:"seconds"`
	Verdict string       `json:"verdict"` // PASS, FAIL, SKIP
	Error   string       `json:"error,omitempty"`
	Guest   *guestResult `json:"guest,omitempty"`

	console string
}

// runLogged keeps the guest's console in a file, where a person can follow it.
func (l *lab) runLogged(ctx context.Context, j job, o *outcome) error {
	path := filepath.Join(l.options.out, j.file()+".log")
	log, err := os.Create(path)
	if err != nil {
		return err
	}
	defer log.Close()
	err = l.run(ctx, j, l.scriptRoot(testScript(l.options.run, j.layout)), nil, log)
	text, readErr := io.ReadAll(io.NewSectionReader(log, 0, maxConsole))
	o.console = string(text)
	return errors.Join(err, readErr)
}

// maxConsole bounds what is read of a guest's console, in bytes.
const maxConsole = 16 << 20

// test runs the tests on one kernel.
func (l *lab) test(ctx context.Context, j job) *outcome {
	begin := time.Now()
	o := &outcome{Kernel: j.name(), Arch: j.Arch, Package: j.Package, Version: j.Version, Commit: l.commit, Run: l.options.run, Append: l.options.append}
	err := l.runLogged(ctx, j, o)
	o.Seconds = time.Since(begin).Seconds()
	if missing := (*unfetched)(nil); errors.As(err, &missing) && !l.options.full {
		o.Verdict, o.Error = skipped, err.Error()
		return o
	}
	o.Guest = parseConsole(o.console)
	o.Verdict = passed
	if err != nil {
		o.Error = err.Error()
	}
	if err != nil || !o.Guest.ok() {
		o.Verdict = failed
	}
	return o
}
