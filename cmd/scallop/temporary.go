package main

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// temporary heads the names of files that are being written.
const temporary = ".scallop-"

// createTemporary makes one, which is locked as long as its process has it open.
func createTemporary(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, temporary+"*")
	if err == nil {
		_ = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) // where it cannot be had, nobody sweeps, either
	}
	return f, err
}

// abandoned is how long nobody must have written to a temporary file before it is given up: longer than one is
// unlocked at its begin and at its end.
const abandoned = time.Minute

// sweepTemporary removes those of scallops that were killed while they wrote.
func sweepTemporary(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), temporary) || !entry.Type().IsRegular() {
			continue
		}
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > abandoned {
			removeUnlocked(filepath.Join(dir, entry.Name()))
		}
	}
}

func removeUnlocked(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
		_ = os.Remove(path)
	}
}
