// Command gen copies the default profiles of Docker and Podman from the modules that they are kept in. The
// modules' own packages build on Linux only, and Podman's needs libseccomp and cgo.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/scallop-sec/scallop/exporter/policy"
)

// sources are pinned: another version is another profile.
var sources = []struct{ name, module, file string }{
	{"docker", "github.com/moby/profiles/seccomp@v0.3.0", "default.json"},
	{"podman", "go.podman.io/common@v0.66.0", "pkg/seccomp/seccomp.json"},
}

func main() {
	for _, s := range sources {
		if err := copyProfile(s.name, s.module, s.file); err != nil {
			fmt.Fprintf(os.Stderr, "gen: %s: %v\n", s.name, err)
			os.Exit(1)
		}
	}
}

func copyProfile(name, module, file string) error {
	data, err := fromModule(module, file)
	if err != nil {
		return err
	}
	p, err := policy.Parse(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if data, err = p.Encode(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join("defaults", name+".json"), data, 0o644)
}

func fromModule(module, file string) ([]byte, error) {
	out, err := exec.Command("go", "mod", "download", "-json", module).Output()
	if err != nil {
		return nil, fmt.Errorf("go mod download %s: %w", module, err)
	}
	var info struct{ Dir string }
	if err := json.Unmarshal(out, &info); err != nil {
		return nil, fmt.Errorf("go mod download %s: %w", module, err)
	}
	return os.ReadFile(filepath.Join(info.Dir, file))
}
