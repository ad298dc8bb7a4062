package leftover

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// What is made in a folder is a trace, a hidden file as any other, until it is gone.
func TestFolders(t *testing.T) {
	hosttest.Root(t)
	dir := t.TempDir()
	folders := []string{dir}
	before := traces(t, folders)
	path := filepath.Join(dir, ".scallop-1")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if now := traces(t, folders); !now[path] || before[path] {
		t.Errorf("before %v, now %v", before, now)
	}
	time.AfterFunc(200*time.Millisecond, func() { _ = os.Remove(path) })
	if left := newTraces(t, before, folders); len(left) > 0 {
		t.Errorf("%q", left)
	}
}
