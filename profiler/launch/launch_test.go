package launch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseUser(t *testing.T) {
	for text, want := range map[string]*User{
		"0:0":         {UID: 0, GID: 0, Groups: []uint32{0}},
		"12345":       {UID: 12345, GID: 12345},
		"12345:6":     {UID: 12345, GID: 6, Groups: []uint32{6}},
		"root:54321":  {UID: 0, GID: 54321, Groups: []uint32{54321}},
		"no one here": nil,
		"":            nil,
		"-1":          nil,
		"4294967296":  nil,
		"0:nogroup!":  nil,
	} {
		got, err := ParseUser(text)
		if (err == nil) != (want != nil) {
			t.Errorf("ParseUser(%q): %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ParseUser(%q): %s", text, diff)
		}
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"good": 0o755, "plain": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"PATH=/nonexistent", "PATH=.:" + dir}
	for name, want := range map[string]string{
		"good":        filepath.Join(dir, "good"),
		dir + "/good": dir + "/good",
		"./good":      "./good",
	} {
		if got, err := find(name, env, dir); got != want || err != nil {
			t.Errorf("find(%q) = %q, %v", name, got, err)
		}
	}
	for name, want := range map[string]string{
		"missing":       "not found in PATH",
		"plain":         "not found in PATH",
		dir + "/plain":  "is not executable",
		dir + "/absent": "no such file",
		dir + "/":       "is a directory",
		"":              "is empty",
	} {
		if _, err := find(name, env, dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("find(%q): %v, want %q", name, err, want)
		}
	}
}
