package enforce_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/profiler/audit/audittest"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/hosttest/bundle"
	"github.com/scallop-sec/scallop/profiler/hosttest/servers"
)

func TestNginx(t *testing.T) {
	hosttest.Tools(t, "nginx", "nginx-light", "runc", "runc")
	testServer(t, newNginx(t), []removal{
		{call: "capset", failsAt: servers.Start}, // runc's own
		{call: "bind", failsAt: servers.Start},
		{call: "accept4", failsAt: servers.Start},
		{call: "epoll_wait", failsAt: servers.Start},
		{call: "unlink", failsAt: servers.Stop},
	})
}

func TestRedis(t *testing.T) {
	hosttest.Tools(t, "redis-server", "redis-server", "runc", "runc")
	testServer(t, newRedis(t), []removal{
		{call: "bind", failsAt: servers.Start},
		{call: "rename", failsAt: servers.Work},
		{call: "unlink", failsAt: servers.Stop},
	})
}

// removal is a call that is taken out of a profile, and what a life without it fails at.
type removal struct{ call, failsAt string }

// testServer records a server and leads it through the same life under its profile. With
// kill_process instead of an errno, one denied call is the end of the process and an audit
// record: a denial that the server takes without a word is seen as well.
func testServer(t *testing.T, s *server, removals []removal) {
	watch := audittest.Start(t)
	recording := record(t, s)
	profiles := map[string]*specs.LinuxSeccomp{}
	for _, action := range []string{"errno", "kill_process", "log"} {
		profiles[action] = bundle.Profile(t, exportProfile(t, recording, "oci", "--default-action", action))
	}
	for _, noNewPrivs := range []bool{false, true} {
		for _, action := range []string{"errno", "kill_process"} {
			t.Run(fmt.Sprintf("runc/%s/no_new_privs=%t", action, noNewPrivs), func(t *testing.T) {
				c := startRunc(t, s, profiles[action], noNewPrivs)
				if err := (&life{server: s, running: c, filtered: true, noNewPrivs: noNewPrivs, requests: manyRequests}).lead(); err != nil {
					t.Errorf("%v\n%s", err, &c.Out)
				}
				if denied := watch.Of(t, c.loginuid, 0); len(denied) > 0 {
					t.Errorf("denied: %v", denied)
				}
			})
		}
	}
	bare := map[string]*specs.LinuxSeccomp{} // a C library may take a sibling of the call that is missing
	for _, action := range []string{"errno", "log"} {
		bare[action] = bundle.Profile(t, exportProfile(t, recording, "oci", "--default-action", action, "--portability", "none"))
	}
	for _, r := range removals {
		t.Run("runc/without/"+r.call, func(t *testing.T) { testRemoval(t, watch, s, bare, r) })
	}
}

// shortPatience is for lives that are to fail: they must not wait long for it.
const shortPatience = 2 * time.Second

// testRemoval: without the call, the same life fails; and if the call is logged
// instead of denied, it is the only one that is.
func testRemoval(t *testing.T, watch *audittest.Watch, s *server, profiles map[string]*specs.LinuxSeccomp, r removal) {
	c := startRunc(t, s, bundle.Without(t, profiles["errno"], r.call), false)
	err := (&life{server: s, running: c, filtered: true, requests: fewRequests, patience: shortPatience}).lead()
	c.remove()
	if servers.FailedAt(err) != r.failsAt {
		t.Errorf("failed at %q, want %q: %v\n%s", servers.FailedAt(err), r.failsAt, err, &c.Out)
	}
	t.Logf("without %s: %v", r.call, err)

	logged := startRunc(t, s, bundle.Without(t, profiles["log"], r.call), false)
	if err := (&life{server: s, running: logged, filtered: true, requests: fewRequests}).lead(); err != nil {
		t.Errorf("%s logged: %v\n%s", r.call, err, &logged.Out)
	}
	if names := audittest.Names(watch.Of(t, logged.loginuid, 0)); len(names) != 1 || names[0] != r.call {
		t.Errorf("logged %v, want %s alone", names, r.call)
	}
}
