package hosttest

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

// SharedDir is a folder that servers may enter after they have dropped root, which t.TempDir is not, and whose path is short
// enough for sockets. It is gone when the test has ended.
func SharedDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "scallop-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("left behind: %v", err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
