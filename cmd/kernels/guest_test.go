package main

import (
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/cmd/internal/devtool"
)

// A kernel that is not to be had is no verdict on scallop, unless this host is set up for all of them.
func TestNotFetched(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // no apt-get
	for full, want := range map[bool]string{false: skipped, true: failed} {
		l := &lab{archive: &archive{cache: t.TempDir()}, dir: t.TempDir(), options: options{full: full, out: t.TempDir(), timeout: time.Minute}}
		o := l.test(t.Context(), job{pin: pin{Name: "7.2", Arch: "amd64", Suite: "sid", Package: "linux-binary-x", Version: "7.2.13-1"}})
		if o.Verdict != want || !strings.Contains(o.Error, "apt-get") {
			t.Errorf("full %v: %+v", full, o)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"--nonsense"}, {"--shell"}, {"--jobs", "0"}, {"--root", "/", "5.10", "6.1"}} {
		var stderr strings.Builder
		if code := devtool.Run(t.Context(), "kernels", run, args, &stderr, &stderr); code != 2 || !strings.HasSuffix(stderr.String(), "see --help\n") {
			t.Errorf("%v: exit code %d, %s", args, code, &stderr)
		}
	}
	var stderr strings.Builder
	if code := devtool.Run(t.Context(), "kernels", run, []string{"4.19"}, &stderr, &stderr); code != 3 || !strings.Contains(stderr.String(), `no kernel "4.19"`) {
		t.Errorf("exit code %d, %s", code, &stderr)
	}
}
