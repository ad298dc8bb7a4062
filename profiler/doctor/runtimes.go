package doctor

import (
	"context"
	"os"
	"os/exec"
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
)

var runtimes = []string{"containerd", "crun", "docker", "podman", "runc"}

// versionTimeout bounds a program that hangs.
const versionTimeout = 5 * time.Second

// findRuntimes asks them in an empty home: podman, for one, makes folders even to
// tell its version.
func findRuntimes(ctx context.Context) []Runtime {
	home, err := os.MkdirTemp("", "scallop-doctor-*")
	if err == nil {
		defer os.RemoveAll(home)
	}
	var found []Runtime
	for _, name := range runtimes {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		found = append(found, Runtime{name, recording.CleanString(versionOf(ctx, path, home))})
	}
	return found
}

func versionOf(ctx context.Context, path, home string) string {
	if home == "" {
		return unknownVersion
	}
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Env = append(os.Environ(), "HOME="+home, "TMPDIR="+home, "XDG_RUNTIME_DIR="+home)
	cmd.WaitDelay = time.Second // something it left may hold its output open
	out, err := cmd.Output()
	if err != nil {
		return unknownVersion
	}
	return parseVersion(string(out))
}
