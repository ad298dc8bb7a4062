package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What is not there is said, a line each, and the others are recorded all the same.
func TestRecordMissing(t *testing.T) {
	s := newScene(t)
	s.group("there", server...)
	missing := []string{"--cgroup", "/no/such", "--pid", "4194303", "--unit", "no-such", "--runtime-endpoint", fakeDocker(t, nil), "--container", "no-such", "--pod", "no/such"}
	r := s.record(append(missing, "--cgroup", s.top.Path+"/there", "-o", "out")...)
	r.untilCall("there")
	s.want(r.stop(), exitUsage, "cgroup /no/such: ", "pid 4194303: no such process", "unit no-such: there is none", `container "no-such"`, `pod "no/such"`, "5 targets not found")
	if got := s.workloads("out"); got != "there" {
		t.Errorf("recordings of %s", got)
	}
	o := s.run(nil, nil, append([]string{"record", "-o", "none"}, missing...)...)
	s.want(o, exitUsage, "nothing to record: no target was found")
	if len(list(t, filepath.Join(s.work, "none"))) > 0 {
		t.Error("files, though there was nothing to record")
	}
}

// The output folder must take files before anything is attached.
func TestRecordBadFolder(t *testing.T) {
	s := newScene(t)
	if err := os.WriteFile(filepath.Join(s.work, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s.want(s.run(nil, nil, "record", "--all", "-o", "file"), exitUsage, "making the output folder: mkdir file: not a directory: name another with -o")
	full := inMounts(t, `mkdir full; mount -t tmpfs -o size=4096 none full`)
	s.want(s.run(full, nil, "record", "--all", "-o", "full"), exitHost, "no space left on device: free some space")
	readOnly := inMounts(t, `mkdir ro; mount -t tmpfs -o ro none ro`)
	s.want(s.run(readOnly, nil, "record", "--all", "-o", "ro"), exitHost, "read-only file system: write to another disk")
	s.want(s.run(nil, &syscall.Credential{Uid: nobody, Gid: nobody}, "record", "--all", "-o", "out"), exitHost, "root")
}

// What becomes of the folder later loses no recording: it is in the temporary folder, and the user is told.
func TestRecordFolderGoes(t *testing.T) {
	s := newScene(t)
	s.group("web", server...)
	r := s.record("--cgroup", s.top.Path+"/web", "-o", "out")
	r.untilCall("web")
	if err := os.RemoveAll(filepath.Join(s.work, "out")); err != nil {
		t.Fatal(err)
	}
	s.want(r.stop(), exitHost, "its folder does not exist: create the folder first; the recording is in "+s.temp, "1 of 1 recording not written")
	for _, name := range list(t, s.temp) {
		s.completeRecording(filepath.Join(s.temp, name))
	}
	if len(list(t, s.temp)) != 1 {
		t.Errorf("saved: %q", list(t, s.temp))
	}
}

// The same of a disk that becomes full; nothing half or empty stays there.
func TestRecordDiskFills(t *testing.T) {
	s := newScene(t)
	disk := s.mkdir("disk")
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=128k"); err != nil {
		t.Skipf("mount a small tmpfs: %v", err)
	}
	defer syscall.Unmount(disk, 0)
	s.group("web", server...)
	r := s.record("--cgroup", s.top.Path+"/web", "-o", "disk")
	r.untilCall("web")
	_ = os.WriteFile(filepath.Join(disk, "fill"), make([]byte, 1<<20), 0o644) // as much as fits
	s.want(r.stop(), exitHost, "no space left on device: free some space, or write to another disk; the recording is in "+s.temp, "1 of 1 recording not written")
	if names := list(t, disk); len(names) != 1 {
		t.Errorf("on the disk: %q", names)
	}
	for _, name := range list(t, s.temp) {
		s.completeRecording(filepath.Join(s.temp, name))
	}
}

// A link under the name that will be used is not followed, and an earlier recording not overwritten.
func TestRecordPlantedLink(t *testing.T) {
	s := newScene(t)
	out, victim := s.mkdir("out"), filepath.Join(s.work, "victim")
	if err := errors.Join(os.WriteFile(victim, []byte("precious"), 0o644),
		os.Symlink(victim, filepath.Join(out, "systemd-web.service.json")),
		os.Symlink(filepath.Join(s.work, "made"), filepath.Join(out, "systemd-web.service-2.json")),
		os.WriteFile(filepath.Join(out, "systemd-web.service-3.json"), []byte("{}"), 0o644)); err != nil {
		t.Fatal(err)
	}
	r := s.record("--all", "-o", "out")
	s.brief("web.service")
	s.want(r.stop(), exitOK)
	s.completeRecording(filepath.Join(out, "systemd-web.service-4.json"))
	if text, err := os.ReadFile(victim); err != nil || string(text) != "precious" {
		t.Errorf("the link's target: %q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(s.work, "made")); err == nil {
		t.Error("a file was made outside of the folder")
	}
}

// SIGKILL leaves checkpoints that are whole; nothing else of scallop stays, and the workload goes on.
func TestRecordKilled(t *testing.T) {
	s := newScene(t)
	c := s.group("web", server...)
	r := s.record("--cgroup", c.Path, "--checkpoint", "100ms", "-o", "out")
	out := filepath.Join(s.work, "out")
	eventually(t, "a checkpoint", func() bool {
		names := list(t, out)
		if len(names) != 1 {
			return false
		}
		info, err := os.Stat(filepath.Join(out, names[0]))
		return err == nil && info.Size() > 0
	})
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = r.wait()
	for name, one := range s.files("out") {
		if strings.HasSuffix(name, ".json") && (one.Complete || !strings.Contains(strings.Join(one.Incomplete, " "), "checkpoint")) {
			t.Errorf("%s: complete %v, %q", name, one.Complete, one.Incomplete)
		}
	}
	if full, err := c.Populated(); err != nil || !full {
		t.Errorf("the workload did not survive: %v, %v", full, err)
	}
	r = s.record("--cgroup", c.Path, "-o", "again")
	r.untilCall("web")
	s.want(r.stop(), exitOK)
}

// A reader of the log that goes away is no reason to stop: the recordings are written.
func TestRecordLogReaderGoes(t *testing.T) {
	s := newScene(t)
	cmd := exec.Command(s.program, "record", "--output", "json", "--all", "--root", s.top.Path, "-o", "out")
	cmd.Dir = s.work
	cmd.Env = append(os.Environ(), "SCALLOP_RUNTIME_DIR="+s.sockets, "TMPDIR="+s.temp)
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Read(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	stdout.Close()
	s.brief("web")
	time.Sleep(300 * time.Millisecond) // it writes to nobody
	_ = cmd.Process.Signal(syscall.SIGINT)
	if err := cmd.Wait(); err != nil {
		t.Errorf("scallop: %v", err)
	}
	if got := s.workloads("out"); got != "web" {
		t.Errorf("recordings of %q", got)
	}
}
