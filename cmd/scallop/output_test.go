package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestWriteOutput(t *testing.T) {
	var stdout bytes.Buffer
	e := &env{stdout: &stdout}
	if err := writeOutput(e, "-", []byte("hello")); err != nil || stdout.String() != "hello" {
		t.Errorf("%v: %q", err, stdout.String())
	}
	path := filepath.Join(t.TempDir(), "out")
	for _, text := range []string{"first, longer", "second"} {
		if err := writeOutput(e, path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%v: %q", err, got)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("%v: left behind: %v", err, entries)
	}
}

// brokenWriter is a stream whose reader has gone.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestWriteOutputErrors(t *testing.T) {
	dir := t.TempDir()
	e := &env{stdout: brokenWriter{}}
	for path, want := range map[string]struct {
		text string
		code int
	}{
		"-":                       {"write standard output: broken pipe", exitUsage},
		dir:                       {"it is a folder", exitUsage},
		filepath.Join(dir, "a/b"): {"its folder does not exist: create the folder first", exitUsage},
		"/dev/full":               {"no space left on device: free some space", exitHost},
	} {
		err := writeOutput(e, path, []byte("x"))
		var exit *exitError
		if !errors.As(err, &exit) || exit.code != want.code || !strings.Contains(err.Error(), want.text) {
			t.Errorf("%s: %v", path, err)
		}
		if err != nil && strings.Contains(err.Error(), ".scallop-") {
			t.Errorf("the error names the temporary file: %v", err)
		}
	}
}

// TestWriteOutputKeepsTheOldFile: a failed write leaves what was there.
func TestWriteOutputKeepsTheOldFile(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write to a read-only folder; testdata/script/bad_output.txtar fills a disk instead")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) }) // or it could not be removed
	if err := writeOutput(&env{}, path, []byte("new")); err == nil {
		t.Error("no error")
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("the file holds %q", got)
	}
}
