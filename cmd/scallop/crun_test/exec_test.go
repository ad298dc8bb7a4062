package crun_test

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/profiler/audit/audittest"
	"github.com/scallop-sec/scallop/profiler/hosttest/recorded"
	"github.com/scallop-sec/scallop/profiler/recording"
)

const (
	execs = 10
	// execCall is made once by each, and by nothing else in the container.
	execCall = "sync"
)

// enter runs the program in the container.
type enter func(c *container, args ...string) error

// TestExec enters a steady container again and again: what crun does for it is setup or, under a
// filter, handover; what the program does is steady; and the container's phases do not move.
func TestExec(t *testing.T) {
	need(t)
	watch := audittest.Start(t)
	for _, tc := range []struct {
		name       string
		noNewPrivs bool
		enter      enter
		export     []string // flags
	}{
		{"no_new_privs=false", false, (*container).exec, nil},
		{"no_new_privs=true", true, (*container).exec, nil},
		{"plain/no_new_privs=false", false, (*container).execPlain, nil},
		// What crun starts then does not have no_new_privs: its handover is that of other containers.
		{"plain/no_new_privs=true", true, (*container).execPlain, []string{"--no-new-privs", "any"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path, rec := recordExecs(t, tc.noNewPrivs, nil, tc.enter)
			checkUnfiltered(t, rec)
			checkExecs(t, rec, recording.PhaseSetup)

			profile := exportProfile(t, path, "errno", tc.export...)
			_, rec = recordExecs(t, tc.noNewPrivs, profile, tc.enter)
			checkFiltered(t, rec, profile)
			checkExecs(t, rec, recording.PhaseHandover)

			c := newContainer(t, nginx, tc.noNewPrivs, exportProfile(t, path, "kill_process", tc.export...))
			l := &life{c: c, steady: func() error { return execAll(c, tc.enter) }}
			if err := l.lead(); err != nil {
				t.Errorf("under kill_process: %v\n%s", err, c.log())
			}
			if denied := watch.Of(t, c.loginuid, 0); len(denied) > 0 {
				t.Errorf("denied: %v", denied)
			}
		})
	}
}

// recordExecs has scallop record everything below the test's cgroup, and find out by itself when
// the container is ready.
func recordExecs(t *testing.T, noNewPrivs bool, profile *specs.LinuxSeccomp, in enter) (string, *recording.Recording) {
	t.Helper()
	c := newContainer(t, nginx, noNewPrivs, profile)
	r := startRecord(t, "--all", "--wait", "--root", "/"+cgroupParent, "--settle", "2s")
	l := &life{c: c, recorder: r, steady: func() error { return execAll(c, in) }}
	return recordLife(t, l, "settle")
}

func execAll(c *container, in enter) error {
	for range execs {
		if err := in(c, "/bin/sync"); err != nil {
			return err
		}
	}
	return nil
}

func checkExecs(t *testing.T, rec *recording.Recording, runtimePhase string) {
	t.Helper()
	if n := recorded.Count(rec, execCall, recording.PhaseSteady); n != execs {
		t.Errorf("%d %s in steady, want %d", n, execCall, execs)
	}
	// The last that crun does for each, and for the container itself.
	if n := recorded.Count(rec, "execve", runtimePhase); n != execs+1 {
		t.Errorf("%d execve in %s, want %d", n, runtimePhase, execs+1)
	}
	for _, phase := range []string{recording.PhaseStartup, recording.PhaseShutdown} {
		if n := recorded.Count(rec, execCall, phase); n != 0 {
			t.Errorf("%d %s in %s, want none", n, execCall, phase)
		}
	}
	if n := recorded.Count(rec, "execve", recording.PhaseSteady); n != 0 {
		t.Errorf("%d execve in steady, want none", n)
	}
}
