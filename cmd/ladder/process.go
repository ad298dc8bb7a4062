package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// processRows are of scallop's own commands, with all that their processes do while the loop runs.
func processRows(binary string) []row {
	return []row{
		{name: rowRecord, attach: process(binary, "record", "-o", ".")},
		{name: "scallop denials --would, its process", attach: process(binary, "denials", "--would", rehearsed), bars: wouldBars},
	}
}

// rehearsed is a profile in the folder of the process. What it says of the loop's call is looked up once.
const (
	rehearsed     = "profile.json"
	rehearsedText = `{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"], "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}`
)

// process runs scallop on the loop's cgroup, in a folder of its own.
func process(binary string, args ...string) attachFunc {
	return func(ctx context.Context, b *bench) (func() error, error) {
		path, err := filepath.Abs(binary)
		if err != nil {
			return nil, fmt.Errorf("looking for %s: %w", binary, err)
		}
		dir, err := os.MkdirTemp("", "ladder")
		if err != nil {
			return nil, err
		}
		remove := func() error { return os.RemoveAll(dir) }
		if err := os.WriteFile(filepath.Join(dir, rehearsed), []byte(rehearsedText), 0o600); err != nil {
			return nil, errors.Join(err, remove())
		}
		stop, err := startTool(ctx, dir, path, "scallop", append(args, "-q", "--cgroup", b.dir(b.groups[groupLoop].name))...)
		if err != nil {
			return nil, errors.Join(err, remove())
		}
		return func() error { return errors.Join(stop(), remove()) }, nil
	}
}
