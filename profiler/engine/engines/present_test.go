package engines

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Each socket once, although /var/run is a link to /run; and what is no socket is none.
func TestPresent(t *testing.T) {
	dir, err := os.MkdirTemp("", "scallop-present-") // short, for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	for _, name := range []string{"run/docker.sock", "run/user/1/s", "run/user/2/s"} {
		if err := os.MkdirAll(filepath.Dir(path(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("unix", path(name))
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
	}
	if err := os.Symlink("run", path("var")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path("run/file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := present([]string{path("var/docker.sock"), path("run/docker.sock"), path("run/none"), path("run/file"), path("run/user/*/s")})
	if want := []string{path("var/docker.sock"), path("run/user/1/s"), path("run/user/2/s")}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
