package container_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/audit/audittest"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/room"
	"github.com/scallop-sec/scallop/profiler/hosttest/servers"
)

func TestDocker(t *testing.T) {
	testEngine(t, startDocker, removal{redis, "rename", servers.Work}, "dockerd", "docker.io", "docker", "docker.io")
}

func TestPodman(t *testing.T) {
	testEngine(t, startPodman, removal{nginx, "bind", servers.Ready}, "podman", "podman")
}

func TestContainerd(t *testing.T) {
	testEngine(t, startContainerd, removal{postgres, "fdatasync", servers.Ready}, "containerd", "containerd", "ctr", "containerd")
}

// removal is a call that is taken out of a profile, and what a life without it fails at.
type removal struct {
	server  server
	call    string
	failsAt string
}

// testEngine does everything with one engine: it takes seconds to start. Servers have a
// port each, so one container of each can live at a time.
func testEngine(t *testing.T, start func(*testing.T) *host, r removal, tools ...string) {
	hosttest.Tools(t, append(tools, "runc", "runc", "nginx", "nginx-light", "redis-server", "redis-server",
		"busybox", "busybox-static", "unshare", "util-linux")...)
	t.Parallel()
	watch := audittest.Start(t)
	h := start(t)
	for _, noNewPrivs := range []bool{false, true} {
		t.Run(fmt.Sprintf("no_new_privs=%t", noNewPrivs), func(t *testing.T) {
			for _, s := range everyServer() {
				t.Run(s.name, func(t *testing.T) {
					t.Parallel()
					testServer(t, watch, h, s, noNewPrivs)
				})
			}
		})
	}
	t.Run("others", func(t *testing.T) {
		t.Run("late", func(t *testing.T) { t.Parallel(); testLate(t, h) })
		t.Run("probes", func(t *testing.T) { t.Parallel(); testProbes(t, h) })
		t.Run("mount", func(t *testing.T) { t.Parallel(); testMount(t, h) })
		if h.kind == "docker" { // the others take longer for each
			t.Run("brief", func(t *testing.T) { t.Parallel(); testBrief(t, h) })
		}
		t.Run("status", func(t *testing.T) { t.Parallel(); testStatus(t, h) })
	})
	t.Run("without", func(t *testing.T) { testRemoval(t, watch, h, r) })
}

// setupOnly are calls of the runtime that none of the servers makes.
var setupOnly = []string{"mount", "pivot_root", "unshare", "setns", "sethostname", "umount2"}

// testServer records a server and leads it through the same life under its profile. With
// kill_process instead of an errno, one denied call is the end of the process and an audit
// record: a denial that the server takes without a word is seen as well.
func testServer(t *testing.T, watch *audittest.Watch, h *host, s server, noNewPrivs bool) {
	before := len(watch.Of(t, h.room.LoginUID, 0))
	path := record(t, h, s, noNewPrivs)
	for _, action := range []string{"errno", "kill_process"} {
		profile := exportProfile(t, h, path, action)
		for _, name := range setupOnly {
			if slices.Contains(allowed(t, profile), name) {
				t.Errorf("the profile allows %s", name)
			}
		}
		if logs, err := enforce(t, h, s, noNewPrivs, profile); err != nil {
			t.Errorf("under %s: %v\n%s", action, err, logs)
		}
	}
	// The engine's containers have a login uid in common: what is denied to one may be said of
	// those beside it as well.
	if denied := watch.Of(t, h.room.LoginUID, before); len(denied) > 0 {
		t.Errorf("denied: %v", denied)
	}
	if h.kind == "docker" && !noNewPrivs {
		testDenials(t, h, s, path)
	}
}

// testRemoval: without one call, the same life fails; and if the call is logged instead of
// denied, it is the only one that is.
func testRemoval(t *testing.T, watch *audittest.Watch, h *host, r removal) {
	before := len(watch.Of(t, h.room.LoginUID, 0))
	path := record(t, h, r.server, false)
	logs, err := enforce(t, h, r.server, false, without(t, exportProfile(t, h, path, "errno"), r.call))
	if servers.FailedAt(err) != r.failsAt {
		t.Errorf("failed at %q, want %q: %v\n%s", servers.FailedAt(err), r.failsAt, err, logs)
	}
	if !strings.Contains(logs, h.errno) {
		t.Errorf("%s does not say %q:\n%s", r.server.name, h.errno, logs)
	}
	t.Logf("without %s: %v", r.call, err)
	if logs, err := enforce(t, h, r.server, false, without(t, exportProfile(t, h, path, "log"), r.call)); err != nil {
		t.Errorf("%s logged: %v\n%s", r.call, err, logs)
	}
	if names := audittest.Names(watch.Of(t, h.room.LoginUID, before)); !slices.Equal(names, []string{r.call}) {
		t.Errorf("logged %v, want %s alone", names, r.call)
	}
}

// without takes a call out of a profile by the text: the engine reads the rest as it was written.
func without(t *testing.T, path, call string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(data), `"`+call+`"`, `"exit"`, 1)
	if text == string(data) {
		t.Fatalf("the profile has no %s", call)
	}
	less := filepath.Join(filepath.Dir(path), room.Unique("less")+".json")
	if err := os.WriteFile(less, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return less
}
