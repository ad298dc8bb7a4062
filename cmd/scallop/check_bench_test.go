package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// fleet writes n different recordings of 300 calls each, in 1.3 phases on average, and a profile
// that allows all of them. It returns their paths.
func fleet(t testing.TB, n int) (profile string, paths []string) {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		path := filepath.Join(dir, fmt.Sprintf("%04d.json", i))
		data, err := recording.Encode(fleetRecording(i))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	profile = filepath.Join(dir, "profile.json")
	e := &env{ctx: context.Background(), stdin: os.Stdin, stdout: io.Discard, stderr: io.Discard}
	if code := run(e, []string{"export", "-o", profile, paths[0]}); code != exitOK {
		t.Fatalf("export: exit code %d", code)
	}
	return profile, paths
}

func fleetRecording(i int) *recording.Recording {
	r := &recording.Recording{
		APIVersion: recording.APIVersion, Kind: recording.Kind, ID: fmt.Sprintf("%032x", i+1), Tool: "test", Complete: true,
		StartedAt: time.Date(2026, 11, 20, 9, 0, i, 0, time.UTC), DurationNs: 9e9,
		Workload: recording.Workload{Name: "api", Kind: recording.KindCommand, Cgroup: fmt.Sprintf("/api-%d", i), Leader: recording.Leader{PID: 10, End: "exited with code 0"}},
		Host:     recording.Host{Kernel: "6.12.0", Architecture: "x86_64", CPUs: 2, Probe: "tp_btf", CgroupLayout: "unified", CgroupMount: "/sys/fs/cgroup"},
		Phases: []recording.Phase{
			{Name: recording.PhaseStartup, EndNs: 1e9, Trigger: recording.Trigger{Kind: "exec"}},
			{Name: recording.PhaseSteady, StartNs: 1e9, EndNs: 8e9, Trigger: recording.Trigger{Kind: "settle"}},
			{Name: recording.PhaseShutdown, StartNs: 8e9, EndNs: 9e9, Trigger: recording.Trigger{Kind: "signal"}},
		},
		Losses: map[string]uint64{"calls_no_room": 0},
	}
	for nr := 0; len(r.Syscalls) < 300; nr++ {
		if name, ok := syscalls.Name(syscalls.X86_64, nr); ok {
			r.Syscalls = append(r.Syscalls, fleetCall(nr, name, i))
		}
	}
	return r
}

func fleetCall(nr int, name string, i int) recording.Syscall {
	call := func(n uint64) recording.PhaseCount {
		return recording.PhaseCount{Count: n, LastSeenNs: 8e9, First: recording.FirstCall{
			OffsetNs: int64(nr) * 1e6, Comm: "api-worker", Exe: "/usr/local/bin/api-server", PID: 10 + i%7, TID: 10 + nr%9,
		}}
	}
	s := recording.Syscall{ABI: "x86_64", Nr: nr, Name: name, Total: uint64(1000*nr + i + 2), Phases: map[string]recording.PhaseCount{}}
	if nr%3 == 0 {
		s.Phases[recording.PhaseStartup] = call(1)
		s.Phases[recording.PhaseSteady] = call(s.Total - 1)
	} else {
		s.Phases[recording.PhaseSteady] = call(s.Total)
	}
	return s
}

// BenchmarkCheckFleet runs the real command over 1,000 recordings of 300 calls and reports its time and the
// largest size of its memory: go test ./cmd/scallop -run xxx -bench CheckFleet
func BenchmarkCheckFleet(b *testing.B) {
	profile, paths := fleet(b, 1000)
	for b.Loop() {
		rss, cpu := checkFleet(b, profile, paths)
		b.ReportMetric(float64(rss)/(1<<20), "MiB-RSS")
		b.ReportMetric(cpu.Seconds(), "cpu-s/op")
	}
}

func checkFleet(t testing.TB, profile string, paths []string) (rss int64, cpu time.Duration) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "scallop")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, "scallop"), append([]string{"check", "--profile", profile}, paths...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		t.Fatal("no resource usage")
	}
	return usage.Maxrss << 10, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// TestCheckIsBoundedOverManyRecordings: the memory of the command does not grow with the number of recordings. Time is not
// asserted: BenchmarkCheckFleet prints it.
func TestCheckIsBoundedOverManyRecordings(t *testing.T) {
	profile, paths := fleet(t, 1000)
	rss, _ := checkFleet(t, profile, paths)
	if rss > 200<<20 {
		t.Errorf("check took %d MiB", rss>>20)
	}
}
