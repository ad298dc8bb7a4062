package crun_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/profiler/audit/audittest"
	"github.com/scallop-sec/scallop/profiler/hosttest/bundle"
	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
	"github.com/scallop-sec/scallop/profiler/hosttest/servers"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// setupOnly are calls of the runtime that none of the servers makes.
var setupOnly = []string{"mount", "pivot_root", "unshare", "setns", "sethostname", "umount2"}

func TestServers(t *testing.T) {
	need(t)
	watch := audittest.Start(t)
	for _, noNewPrivs := range []bool{false, true} {
		for _, s := range everyServer() {
			t.Run(fmt.Sprintf("%s/no_new_privs=%t", s.name, noNewPrivs), func(t *testing.T) {
				testServer(t, watch, s, noNewPrivs)
			})
		}
	}
}

// testServer records a server and leads it through the same life under its profile. With
// kill_process instead of an errno, one denied call is the end of the process and an audit
// record: a denial that the server takes without a word is seen as well.
func testServer(t *testing.T, watch *audittest.Watch, s server, noNewPrivs bool) {
	path, rec := record(t, newContainer(t, s, noNewPrivs, nil))
	checkUnfiltered(t, rec)
	for _, action := range []string{"errno", "kill_process"} {
		profile := exportProfile(t, path, action)
		for _, name := range setupOnly {
			if slices.Contains(bundle.Names(profile), name) {
				t.Errorf("the profile allows %s", name)
			}
		}
		c := newContainer(t, s, noNewPrivs, profile)
		if action == "errno" {
			_, rec := record(t, c)
			checkFiltered(t, rec, profile)
		} else if err := (&life{c: c}).lead(); err != nil {
			t.Errorf("under %s: %v\n%s", action, err, c.log())
		}
		if denied := watch.Of(t, c.loginuid, 0); len(denied) > 0 {
			t.Errorf("denied under %s: %v", action, denied)
		}
	}
}

// checkUnfiltered: without a filter, all that crun does is setup.
func checkUnfiltered(t *testing.T, rec *recording.Recording) {
	t.Helper()
	for _, name := range []string{"mount", "pivot_root", "execve"} {
		if recorded.Count(rec, name, recording.PhaseSetup) == 0 {
			t.Errorf("no %s in setup", name)
		}
	}
	for _, call := range recorded.Calls(rec, recording.PhaseHandover) {
		t.Errorf("%d %s in handover, first by %s, but there was no filter", call.Count, call.Name, call.First.Comm)
	}
	checkOwn(t, rec)
}

// checkFiltered: between the filter and the execve, crun does nothing that the profile denies.
func checkFiltered(t *testing.T, rec *recording.Recording, profile *specs.LinuxSeccomp) {
	t.Helper()
	var names []string
	for _, call := range recorded.Calls(rec, recording.PhaseHandover) {
		names = append(names, call.Name)
		if !slices.Contains(bundle.Names(profile), call.Name) {
			t.Errorf("handover: %s, first by %s, is not in the profile", call.Name, call.First.Comm)
		}
	}
	if !slices.Contains(names, "execve") || recorded.Count(rec, "execve", recording.PhaseSetup) > 0 {
		t.Errorf("the execve is not in handover, or one is in setup as well: handover %v", names)
	}
	for _, name := range []string{"mount", "pivot_root"} {
		if recorded.Count(rec, name, recording.PhaseSetup) == 0 {
			t.Errorf("no %s in setup", name)
		}
	}
	checkOwn(t, rec)
}

// checkOwn: in the container's own phases there is nothing of crun's, and all that the server does
// is in the right one.
func checkOwn(t *testing.T, rec *recording.Recording) {
	t.Helper()
	for _, call := range recorded.Calls(rec, recording.PhaseStartup, recording.PhaseSteady, recording.PhaseShutdown) {
		if slices.Contains(setupOnly, call.Name) || strings.Contains(call.First.Exe, "crun") || strings.Contains(call.First.Comm, "crun") {
			t.Errorf("%d %s in %s, first by %s (%s)", call.Count, call.Name, call.Phase, call.First.Comm, call.First.Exe)
		}
	}
	if n := recorded.Count(rec, "execve", recording.PhaseStartup); n != 0 {
		t.Errorf("%d execve in startup, want none: the one is the runtime's", n)
	}
	// Calls that every server makes in one phase only.
	for name, want := range map[string]string{"bind": recording.PhaseStartup, "listen": recording.PhaseStartup} {
		for _, phase := range recording.Lifecycle {
			if n := recorded.Count(rec, name, phase); n > 0 != (phase == want) {
				t.Errorf("%d %s in %s", n, name, phase)
			}
		}
	}
	if recorded.Count(rec, "exit_group", recording.PhaseShutdown) == 0 {
		t.Error("no exit_group in shutdown")
	}
}

// TestRemovals: without one call, the same life fails; and if the call is logged instead of
// denied, it is the only one that is.
func TestRemovals(t *testing.T) {
	need(t)
	watch := audittest.Start(t)
	for _, r := range []struct {
		server        server
		call, failsAt string
	}{
		{nginx, "bind", servers.Ready},
		{redis, "rename", servers.Work},
		{redis, "capset", servers.Start}, // crun's own
		{postgres, "fdatasync", servers.Ready},
	} {
		t.Run(r.server.name+"/"+r.call, func(t *testing.T) {
			path, _ := record(t, newContainer(t, r.server, false, nil))
			c := newContainer(t, r.server, false, bundle.Without(t, exportProfile(t, path, "errno"), r.call))
			err := (&life{c: c}).lead()
			if servers.FailedAt(err) != r.failsAt {
				t.Errorf("failed at %q, want %q: %v\n%s", servers.FailedAt(err), r.failsAt, err, c.log())
			}
			if !strings.Contains(c.log(), "Function not implemented") { // ENOSYS
				t.Errorf("%s does not say why:\n%s", r.server.name, c.log())
			}
			c = newContainer(t, r.server, false, bundle.Without(t, exportProfile(t, path, "log"), r.call))
			if err := (&life{c: c}).lead(); err != nil {
				t.Errorf("%s logged: %v\n%s", r.call, err, c.log())
			}
			if names := audittest.Names(watch.Of(t, c.loginuid, 0)); !slices.Equal(names, []string{r.call}) {
				t.Errorf("logged %v, want %s alone", names, r.call)
			}
		})
	}
}
