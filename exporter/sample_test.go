package exporter

import (
	"os"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// counts are calls by phase and name; a name may be "x86/open" for another ABI.
type counts map[string]map[string]uint64

// record makes a complete recording of a workload on an x86_64 host.
func record(t testing.TB, name string, c counts) *recording.Recording {
	t.Helper()
	return recordOn(t, name, "x86_64", c)
}

func recordOn(t testing.TB, name, native string, c counts) *recording.Recording {
	t.Helper()
	r := &recording.Recording{
		APIVersion: recording.APIVersion, Kind: recording.Kind, Complete: true,
		ID: "00112233445566778899aabbccddeeff", StartedAt: time.Unix(1e9, 0),
		Workload: recording.Workload{Kind: recording.KindCommand, Name: name},
		Host:     recording.Host{Kernel: "6.12.0", Architecture: native},
	}
	byKey := map[string]*recording.Syscall{}
	for phase, calls := range c {
		r.Phases = append(r.Phases, recording.Phase{Name: phase})
		for key, n := range calls {
			if byKey[key] == nil {
				byKey[key] = call(t, native, key)
			}
			byKey[key].Phases[phase] = recording.PhaseCount{Count: n}
			byKey[key].Total += n
		}
	}
	for _, s := range byKey {
		r.Syscalls = append(r.Syscalls, *s)
	}
	recording.Rank(r.Syscalls)
	if err := recording.Validate(r); err != nil {
		t.Fatal(err)
	}
	return r
}

func call(t testing.TB, native, key string) *recording.Syscall {
	t.Helper()
	abi, name := native, key
	for i := range key {
		if key[i] == '/' {
			abi, name = key[:i], key[i+1:]
		}
	}
	nr, ok := syscalls.Number(syscalls.ABI(abi), name)
	if !ok {
		t.Fatalf("%s has no call %s", abi, name)
	}
	return &recording.Syscall{ABI: abi, Nr: nr, Name: name, Phases: map[string]recording.PhaseCount{}}
}

func readRecording(t testing.TB, path string) *recording.Recording {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := recording.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// server has a call for every case: one in each phase alone, and in several.
func server(t testing.TB) *recording.Recording {
	return record(t, "server", counts{
		"setup":    {"mount": 3, "close": 1},
		"handover": {"chdir": 1, "setgid": 1, "read": 1},
		"startup":  {"read": 5, "mmap": 9, "bind": 1, "kill": 1},
		"steady":   {"read": 100, "epoll_wait": 50, "close": 7},
		"reload":   {"rename": 2},
		"shutdown": {"kill": 1, "unlink": 1, "close": 2},
	})
}

func build(t testing.TB, opts Options, recs ...*recording.Recording) *Profile {
	t.Helper()
	p, err := Build(recs, opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
