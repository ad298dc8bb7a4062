package enforce_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/process"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// The environment is the same for recorded servers and in containers: a locale alone
// changes which calls a program makes.
const containerPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// recorded is a server under `scallop run`.
type recorded struct {
	*process.Process
	server *server
	env    []string
	path   string // of the recording
}

func (r *recorded) leader() (int, error) { return readPID(r.server.pidFile) }

func (r *recorded) signal(name string) error {
	pid, err := r.leader()
	if err != nil {
		return err
	}
	return unix.Kill(pid, unix.SignalNum("SIG"+name))
}

func (r *recorded) mark(phase string) error {
	cmd := exec.Command(scallop, "mark", r.server.name, phase)
	cmd.Env = r.env
	_, err := process.Output(cmd)
	return err
}

// awaitSteady looks at the checkpoints: only scallop knows when it found the server ready.
func (r *recorded) awaitSteady() error {
	phases, err := phasesIn(r.path)
	if err != nil || !slices.Contains(phases, "steady") {
		return fmt.Errorf("not steady: %v %w", phases, err)
	}
	return nil
}

// record leads the server through its life under scallop and returns the recording.
func record(t *testing.T, s *server) string {
	t.Helper()
	s.reset(t)
	dir := t.TempDir()
	path := filepath.Join(dir, s.name+".json")
	args := append([]string{"run", "--name", s.name, "-o", path, "--checkpoint", "50ms"}, s.ready...)
	cmd := exec.Command(scallop, append(append(args, "--"), s.args...)...)
	cmd.Env = []string{containerPath, "SCALLOP_RUNTIME_DIR=" + dir}
	r := &recorded{process.Start(t, cmd, nil), s, cmd.Env, path}
	// The first SIGTERM stops the server, the second kills it.
	t.Cleanup(func() { r.End(unix.SIGTERM) })
	if err := (&life{server: s, running: r, requests: manyRequests}).lead(); err != nil {
		_ = r.Cmd.Process.Signal(unix.SIGTERM)
		r.End(unix.SIGTERM)
		if r.ExitCode() == 3 {
			hosttest.Lack(t, "what recording needs: "+r.Out.String())
		}
		t.Fatalf("recording %s: %v\n%s", s.name, err, &r.Out)
	}
	<-r.Exited()
	checkRecording(t, s, path)
	return path
}

// checkRecording: it has every phase that the server was led through.
func checkRecording(t *testing.T, s *server, path string) {
	t.Helper()
	phases, err := phasesIn(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"setup", "startup", "steady", "shutdown"}
	if s.reload {
		want = slices.Insert(want, 3, "reload")
	}
	if !slices.Equal(phases, want) {
		t.Fatalf("recorded the phases %v, want %v", phases, want)
	}
}

func phasesIn(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rec, err := recording.Decode(f)
	if err != nil {
		return nil, err
	}
	return recording.PhaseNames(rec), nil
}

// exportProfile runs `scallop export` as a user would.
func exportProfile(t *testing.T, recording, format string, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "profile.json")
	args := append([]string{"export", "--format", format, "-o", path}, flags...)
	if _, err := process.Output(exec.Command(scallop, append(args, recording)...)); err != nil {
		t.Fatal(err)
	}
	return path
}
