package session_test

import (
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/launch"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/session"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// native is the ABI of 64-bit programs here.
var native = func() string {
	abi, _ := syscalls.Native(runtime.GOARCH)
	return string(abi)
}()

// options for a command whose output nobody wants.
func options(args ...string) session.Options {
	return session.Options{
		Name:        "test",
		Tool:        "test",
		Sizes:       profiler.SizesFor(1),
		StopSignals: []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT},
		StopTimeout: 10 * time.Second,
		Report:      func(string, ...any) {},
		Warn:        func(string, ...any) {},
		Launch:      launch.Options{Args: args, Env: os.Environ()},
	}
}

// record runs a command to its end and checks what holds for every recording.
func record(t *testing.T, opts session.Options) *recording.Recording {
	t.Helper()
	hosttest.Root(t)
	r, err := session.Run(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := recording.Encode(r); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(r.Host.CgroupMount + r.Workload.Cgroup); err == nil {
		t.Errorf("cgroup %s is left behind", r.Workload.Cgroup)
	}
	return r
}

func complete(t *testing.T, r *recording.Recording) {
	t.Helper()
	if !r.Complete {
		t.Errorf("incomplete: %v, losses %v", r.Incomplete, r.Losses)
	}
}

// exact: every call that the program made is recorded.
func exact(t *testing.T, r *recording.Recording, name string, made int) {
	t.Helper()
	complete(t, r)
	if got := count(r, native, name); got != uint64(made) {
		t.Errorf("counted %d %s, the program made %d", got, name, made)
	}
}

// count of a call over all phases, 0 if it was not seen.
func count(r *recording.Recording, abi, name string) uint64 {
	for _, s := range r.Syscalls {
		if s.ABI == abi && s.Name == name {
			return s.Total
		}
	}
	return 0
}

// phaseTotal is the number of calls in one phase.
func phaseTotal(r *recording.Recording, phase string) uint64 {
	var sum uint64
	for _, s := range r.Syscalls {
		sum += s.Phases[phase].Count
	}
	return sum
}

func phase(r *recording.Recording, name string) *recording.Phase {
	for i := range r.Phases {
		if r.Phases[i].Name == name {
			return &r.Phases[i]
		}
	}
	return nil
}
