package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
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

// What a killed scallop was writing goes; what another one is writing, what is young, and what is no file of
// ours stays.
func TestSweepTemporary(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-2 * abandoned)
	for _, name := range []string{"dead", "young"} {
		if err := os.WriteFile(filepath.Join(dir, temporary+name), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	live, err := createTemporary(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	folder, other := filepath.Join(dir, temporary+"folder"), filepath.Join(dir, "old.json")
	if err := errors.Join(os.Mkdir(folder, 0o700), os.WriteFile(other, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, temporary+"dead"), live.Name(), folder, other} {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	sweepTemporary(dir)
	got := list(t, dir)
	want := []string{filepath.Base(live.Name()), temporary + "folder", temporary + "young", "old.json"}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
}

// A name that is taken, by a dangling link even, is not written to.
func TestWriteFresh(t *testing.T) {
	dir := t.TempDir()
	taken, link := filepath.Join(dir, "taken"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(taken, []byte("precious"), 0o600), os.Symlink("nowhere", link)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{taken: fs.ErrExist, link: fs.ErrExist, filepath.Join(dir, "free"): nil} {
		if err := writeAtomically(path, []byte("new"), renameFresh); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	if got := list(t, dir); !slices.Equal(got, []string{"free", "link", "taken"}) {
		t.Errorf("files %q", got)
	}
	if text, _ := os.ReadFile(taken); string(text) != "precious" {
		t.Errorf("%q", text)
	}
}
