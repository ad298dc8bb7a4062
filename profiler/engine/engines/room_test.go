package engines_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/hosttest/room"
)

// runcVersion: "runc version 1.1.5+ds1\n…".
func runcVersion(t *testing.T, r *room.Room) string {
	t.Helper()
	line, _, _ := strings.Cut(r.Must(t, "runc", "--version"), "\n")
	return strings.TrimPrefix(line, "runc version ")
}

// cgroup2 path of a process.
func cgroup2(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return path
		}
	}
	t.Fatalf("process %d is in no cgroup2: %s", pid, text)
	return ""
}

// patient is for real engines on a busy host.
func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
