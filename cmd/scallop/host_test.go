package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
)

// nobody is a user without any right.
const nobody = 65534

// place is a folder with a scallop of its own, which every user can reach.
type place struct {
	t        *testing.T
	work     string // scallop's current folder
	sockets  string // SCALLOP_RUNTIME_DIR
	temp     string // TMPDIR
	program  string
	workload string // --name, unlike any other test's
	pids     []int  // of what was run; scallop's own, if its prefix ends with exec
}

// outcome is what one scallop left.
type outcome struct {
	code           int
	stdout, stderr string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	// Not t.TempDir: its name is too long for a socket, and its folder is closed to others.
	base, err := os.MkdirTemp("", "host")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, work: base + "/work", sockets: base + "/sockets", temp: base + "/temp",
		program: base + "/scallop", workload: filepath.Base(base)}
	for _, dir := range []string{p.work, p.sockets, p.temp} {
		if err := errors.Join(os.Mkdir(dir, 0o755), os.Chmod(dir, 0o777)); err != nil {
			t.Fatal(err)
		}
	}
	copyTestBinary(t, p.program)
	return p
}

// copyTestBinary: under the name scallop, this test's program is scallop (TestMain). A
// copy, because doctor starts itself by the name of its file.
func copyTestBinary(t *testing.T, to string) {
	t.Helper()
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	// A process that another test starts meanwhile would have the file open for writing until its execve, and
	// this one's execve be refused: ETXTBSY.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	file, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(file, from)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}

// run starts scallop behind a prefix (setpriv …, unshare …), as that user.
func (p *place) run(prefix []string, user *syscall.Credential, args ...string) outcome {
	p.t.Helper()
	line := slices.Concat(prefix, []string{p.program}, args)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = p.work
	cmd.Env = append(os.Environ(), "SCALLOP_RUNTIME_DIR="+p.sockets, "TMPDIR="+p.temp, "NO_COLOR=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.Process != nil {
		p.pids = append(p.pids, cmd.Process.Pid)
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// runArgs is a `scallop run` whose command leaves a file, "started".
func (p *place) runArgs(flags ...string) []string {
	return slices.Concat([]string{"run", "--name", p.workload, "-o", "out.json"}, flags, []string{"--", "touch", "started"})
}

// wantError checks an error of bar 7: one line with what failed and the next step,
// the documented code, and nothing left behind.
func (p *place) wantError(o outcome, code int, texts ...string) {
	p.t.Helper()
	if o.code != code {
		p.t.Errorf("exit code %d, want %d", o.code, code)
	}
	if !strings.HasPrefix(o.stderr, "scallop: ") || strings.Count(o.stderr, "\n") != 1 || len(o.stderr) > 500 {
		p.t.Errorf("not one line of error: %q", o.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(o.stderr, text) {
			p.t.Errorf("no %q in: %s", text, o.stderr)
		}
	}
	if o.stdout != "" {
		p.t.Errorf("an error and yet output: %q", o.stdout)
	}
	p.wantFiles()
}

// wantFiles checks that these files are in the work folder, and no others anywhere.
func (p *place) wantFiles(names ...string) {
	p.t.Helper()
	for dir, want := range map[string][]string{p.work: names, p.sockets: nil, p.temp: nil} {
		if got := list(p.t, dir); !slices.Equal(got, want) {
			p.t.Errorf("%s holds %q, want %q", filepath.Base(dir), got, want)
		}
	}
	p.wantNoCgroup()
}

// wantNoCgroup fails if one that scallop made is left.
func (p *place) wantNoCgroup() {
	p.t.Helper()
	for _, path := range p.cgroups() {
		p.t.Errorf("a cgroup is left behind: %s", path)
	}
}

// cgroups are those that scallop made for this place. It looks below the whole mount: scallop makes cgroups below
// its own.
func (p *place) cgroups() []string {
	p.t.Helper()
	mount, err := cgroup.FindMount()
	if err != nil {
		return nil
	}
	var made []string
	_ = filepath.WalkDir(mount.Path, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && p.made(d.Name()) {
			made = append(made, path)
		}
		return nil // others' cgroups come and go
	})
	return made
}

// made tells whether the name is that of a cgroup of this place: scallop-run-PID-WORKLOAD.
func (p *place) made(name string) bool {
	own := func(pid int) bool { return strings.HasPrefix(name, fmt.Sprintf("scallop-run-%d-", pid)) }
	return strings.HasSuffix(name, "-"+p.workload) || slices.ContainsFunc(p.pids, own)
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (p *place) mkdir(name string) string {
	p.t.Helper()
	dir := filepath.Join(p.work, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	return dir
}

// completeRecording reads a recording that must be whole.
func (p *place) completeRecording(path string) {
	p.t.Helper()
	r := recorded.Read(p.t, path)
	if !r.Complete || len(r.Syscalls) == 0 {
		p.t.Errorf("complete is %v, with %d calls", r.Complete, len(r.Syscalls))
	}
}

// inMounts is a prefix that changes a mount namespace of scallop's own first.
func inMounts(t *testing.T, script string) []string {
	hosttest.Root(t)
	unshare := hosttest.Tool(t, "unshare", "util-linux")
	if text, err := exec.Command(unshare, "-m", "sh", "-c", "mount -t tmpfs none /mnt").CombinedOutput(); err != nil {
		hosttest.Lack(t, fmt.Sprintf("the right to mount in a namespace of its own (%s)", strings.TrimSpace(string(text))))
	}
	return []string{unshare, "-m", "sh", "-c", "set -e; " + script + `; exec "$@"`, "sh"}
}

// onlyCapabilities is a prefix that leaves root these capabilities only.
func onlyCapabilities(t *testing.T, names ...string) []string {
	t.Helper()
	hosttest.Root(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	limiter := filepath.Join(t.TempDir(), limiterName)
	if err := os.Symlink(self, limiter); err != nil {
		t.Fatal(err)
	}
	return []string{limiter, strings.Join(names, ",")}
}

// limiterName makes this test's program another one (TestMain), which guests without util-linux have, too: it gives up all capabilities but
// those of its first argument, which none of its children can get back, and executes the others. What locked memory it has is what Debian gives.
const limiterName = "with-capabilities"

func limiter() {
	runtime.LockOSThread() // they are a thread's
	kept := strings.Split(os.Args[1], ",")
	memory := unix.Rlimit{Cur: 64 << 10, Max: 64 << 10}
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &memory); err != nil {
		fmt.Fprintf(os.Stderr, "limiting locked memory: %v\n", err)
		os.Exit(exitHost)
	}
	for number, name := range profiler.CapabilityNames() {
		if slices.Contains(kept, strings.TrimPrefix(name, "cap_")) {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(number), 0, 0, 0); err != nil {
			fmt.Fprintf(os.Stderr, "giving up %s: %v\n", name, err)
			os.Exit(exitHost)
		}
	}
	path, err := exec.LookPath(os.Args[2])
	if err == nil {
		err = unix.Exec(path, os.Args[2:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(exitHost)
}

func cgroup2(t *testing.T) string {
	t.Helper()
	mount, err := cgroup.FindMount()
	if err != nil {
		hosttest.Lack(t, err.Error())
	}
	return mount.Path
}
