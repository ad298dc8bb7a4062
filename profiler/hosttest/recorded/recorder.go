package recorded

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/process"
)

// Recorder is a `scallop record` of one container.
type Recorder struct {
	*process.Process
	Dir      string // of its files
	Log      Log
	patience time.Duration
}

// Start returns when scallop has said that nothing is missed from here on. The other folder is for its sockets.
func Start(t testing.TB, patience time.Duration, scallop, runtimeDir string, flags ...string) *Recorder {
	t.Helper()
	r := &Recorder{Dir: t.TempDir(), patience: patience}
	cmd := exec.Command(scallop, append([]string{"record", "--output", "json", "-o", r.Dir}, flags...)...)
	cmd.Env = append(os.Environ(), "SCALLOP_RUNTIME_DIR="+runtimeDir)
	r.Process = process.Start(t, cmd, &r.Log)
	t.Cleanup(func() { r.End(unix.SIGTERM) })
	if err := r.AwaitEvent("recording", ""); err != nil {
		r.End(unix.SIGTERM)
		if r.ExitCode() == 3 {
			hosttest.Lack(t, "what recording needs: "+r.Out.String())
		}
		t.Fatalf("scallop record: %v\n%s", err, &r.Out)
	}
	return r
}

// AwaitEvent waits for the event in the log.
func (r *Recorder) AwaitEvent(event, phase string) error {
	return process.Poll(r.patience, r.Exited(), func() error {
		_, err := r.Log.Find(event, phase)
		return err
	})
}

// File waits for scallop to end, and returns the one file that it has written.
func (r *Recorder) File(t testing.TB) string {
	t.Helper()
	select {
	case <-r.Exited():
	case <-time.After(r.patience):
		t.Fatalf("scallop goes on after the container's end\n%s", &r.Out)
	}
	if r.ExitCode() != 0 {
		t.Errorf("scallop ended with code %d:\n%s", r.ExitCode(), &r.Out)
	}
	files, err := filepath.Glob(filepath.Join(r.Dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, want one: %v\n%s", files, err, &r.Out)
	}
	end, err := r.Log.Find("end", "")
	if err != nil || end.File != files[0] || !end.Complete {
		t.Errorf("end %+v, want the file %s, complete: %v", end, files[0], err)
	}
	return files[0]
}
