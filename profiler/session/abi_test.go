package session_test

import (
	"runtime"
	"testing"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// compat is the ABI of 32-bit programs here.
var compat = map[string]string{"amd64": "x86", "arm64": "arm"}[runtime.GOARCH]

func TestABIs(t *testing.T) {
	hosttest.Root(t)
	for _, probe := range profiler.LosslessProbes() {
		if runtime.GOARCH == "amd64" {
			t.Run("64-bit program "+probe, func(t *testing.T) { mixedABIs(t, probe) })
		}
		t.Run("32-bit program "+probe, func(t *testing.T) { compatABI(t, probe) })
	}
}

// mixedABIs: one program with calls of three ABIs.
func mixedABIs(t *testing.T, probe string) {
	opts := options(hosttest.Program(t, "abi64", hosttest.Bare...))
	opts.Probe = probe
	r := record(t, opts)
	complete(t, r)
	for abi, want := range map[string]uint64{"x86_64": 300, "x86": 200, "x32": 100} {
		if got := count(r, abi, "getpid"); got != want {
			t.Errorf("%s: counted %d getpid, the program made %d", abi, got, want)
		}
	}
	if got := count(r, "x86_64", "writev"); got != 0 {
		t.Errorf("a 32-bit getpid (20) is recorded as %d writev", got)
	}
}

// compatABI: the 32-bit getpid has the number of another native call: writev, epoll_create1.
func compatABI(t *testing.T, probe string) {
	opts := options(hosttest.Program32(t, "abi32", hosttest.Bare...))
	opts.Probe = probe
	r := record(t, opts)
	complete(t, r)
	if got := count(r, compat, "getpid"); got != 200 {
		t.Errorf("counted %d getpid, the program made 200", got)
	}
	if got := count(r, compat, "exit_group"); got != 1 {
		t.Errorf("counted %d exit_group, the program made 1", got)
	}
	for _, s := range r.Syscalls {
		if s.ABI == native && s.Phases[recording.PhaseStartup].Count > 0 {
			t.Errorf("a 32-bit program made the 64-bit call %s", s.Name)
		}
	}
}
