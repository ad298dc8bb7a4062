package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// newRootfs fills dir with a root file system of busybox alone.
func newRootfs(dir string) error {
	for _, name := range []string{"bin", "proc", "sys", "dev", "etc", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return fmt.Errorf("make the container's root: %w", err)
		}
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return fmt.Errorf("find busybox for the container: %w: apt-get install busybox-static", err)
	}
	data, err := os.ReadFile(busybox)
	if err != nil {
		return fmt.Errorf("read busybox: %w", err)
	}
	for name, text := range map[string][]byte{
		"bin/busybox": data,
		"etc/passwd":  []byte("root:x:0:0::/:/bin/true\n"),
		"etc/group":   []byte("root:x:0:\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o755); err != nil {
			return fmt.Errorf("fill the container's root: %w", err)
		}
	}
	for _, applet := range []string{"true", "sleep"} {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", applet)); err != nil {
			return fmt.Errorf("fill the container's root: %w", err)
		}
	}
	return nil
}

// writeBundle writes the configuration of a container beside its root.
func writeBundle(dir string, spec *specs.Spec) error {
	if err := writeJSON(filepath.Join(dir, "config.json"), spec); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, "process.json"), spec.Process)
}

func writeJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return os.WriteFile(path, data, 0o644)
}
