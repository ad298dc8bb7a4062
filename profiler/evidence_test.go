package profiler

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scallop-sec/scallop/bpf"
	"github.com/scallop-sec/scallop/profiler/recording"
)

func TestEvidence(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the numbers are x86_64's")
	}
	exe := ExeID{Inode: 7, Device: 8}
	first := func(at int64) First { return First{Time: at, PID: 1, TID: 2, Comm: "a\x1b", Exe: exe} }
	call := func(phase PhaseID, abi, nr int, n uint64, at int64) Call {
		return Call{Phase: phase, ABI: abi, Nr: nr, Count: n, First: first(at)}
	}
	early := &Snapshot{Time: 200, Calls: []Call{call(PhaseStartup, 0, 0, 3, 110)}}
	late := &Snapshot{Time: 300, Exes: map[ExeID]string{exe: "/bin/a"}, Calls: []Call{
		call(PhaseStartup, 0, 0, 3, 110), // read, not grown since
		call(PhaseSteady, 0, 0, 4, 210),
		call(PhaseSteady, 1, 0, 1, 220), // restart_syscall of x86
		call(PhaseSteady, 0, 9999, 1, 230),
	}}
	last := LastSeen{}
	last.Look(early)
	last.Look(late)
	seen := func(n uint64, at, last int64) recording.PhaseCount {
		return recording.PhaseCount{Count: n, LastSeenNs: last, First: recording.FirstCall{
			OffsetNs: at, Comm: `a\x1b`, Exe: "/bin/a", PID: 1, TID: 2,
		}}
	}
	want := []recording.Syscall{
		{ABI: "x86_64", Nr: 0, Name: "read", Total: 7, Phases: map[string]recording.PhaseCount{"startup": seen(3, 10, 100), "steady": seen(4, 110, 200)}},
		{ABI: "x86", Nr: 0, Name: "restart_syscall", Total: 1, Phases: map[string]recording.PhaseCount{"steady": seen(1, 120, 200)}},
		{ABI: "x86_64", Nr: 9999, Total: 1, Phases: map[string]recording.PhaseCount{"steady": seen(1, 130, 200)}},
	}
	if diff := cmp.Diff(want, Evidence(late, last, NewPhaseNames(), 100)); diff != "" {
		t.Error(diff)
	}
}

func TestExePath(t *testing.T) {
	for walked, want := range map[string]string{
		"nginx\x00sbin\x00usr\x00": "/usr/sbin/nginx",
		"init\x00":                 "/init",
		"memfd:runc\x00":           "memfd:runc",
		"":                         "",
		"a\nb\x00tmp\x00":          "/tmp/a\nb",
	} {
		if got := exePath([]byte(walked)); got != want {
			t.Errorf("exePath(%q) = %q, want %q", walked, got, want)
		}
	}
}

func TestParseEvent(t *testing.T) {
	raw := bpf.ScallopEvent{
		Time: 5, Kind: uint32(StopSignal), Workload: 3, Tgid: 42, Signal: 15, FromKernel: 1, ExitCode: 7 << 8, Seccomp: 2,
	}
	copy(raw.Comm[:], "bash\x00junk")
	var b bytes.Buffer
	if err := binary.Write(&b, binary.NativeEndian, raw); err != nil {
		t.Fatal(err)
	}
	got, err := parseEvent(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	want := Event{Time: 5, Kind: StopSignal, Workload: 3, PID: 42, Comm: "bash", Seccomp: 2, Signal: syscall.SIGTERM, FromKernel: true, Status: 7 << 8}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := parseEvent(b.Bytes()[:10]); err == nil {
		t.Error("a short event is accepted")
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add(make([]byte, binary.Size(bpf.ScallopEvent{})))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := parseEvent(raw); err == nil && len(raw) < binary.Size(bpf.ScallopEvent{}) {
			t.Errorf("%d bytes are accepted as an event", len(raw))
		}
	})
}

func FuzzExePath(f *testing.F) {
	f.Add([]byte("nginx\x00sbin\x00usr\x00"))
	f.Fuzz(func(t *testing.T, walked []byte) {
		if path := exePath(walked); strings.Contains(path, "\x00\x00") && !bytes.Contains(walked, []byte("\x00\x00")) {
			t.Errorf("exePath(%q) = %q", walked, path)
		}
	})
}

func TestPhaseNames(t *testing.T) {
	p := NewPhaseNames()
	if id, err := p.ID("steady"); err != nil || id != PhaseSteady {
		t.Errorf("steady is %d, %v", id, err)
	}
	for i := range maxPhases - int(PhaseUser) {
		if id, err := p.ID("p" + strings.Repeat("x", i)); err != nil || id != PhaseUser+PhaseID(i) {
			t.Fatalf("phase %d of the user's is %d, %v", i, id, err)
		}
	}
	if _, err := p.ID("one-more"); err == nil {
		t.Error("a 17th phase is accepted")
	}
	if _, err := p.ID("No Name"); err == nil {
		t.Error("a name that cannot be one is accepted")
	}
	if got := p.Name(99); got != "phase-99" {
		t.Errorf("phase 99 is %q", got)
	}
}

// The bar: at most 64 MiB of kernel memory for 256 workloads on 64 CPUs.
func TestMemoryOf256Workloads(t *testing.T) {
	const bar = 64 << 20
	got, err := SizesFor(256).MemoryBytes(64)
	if err != nil {
		t.Fatal(err)
	}
	if got > bar || got < bar/10 {
		t.Errorf("%d bytes, want at most %d (and not a tenth of it)", got, bar)
	}
}

func TestSizesAreChecked(t *testing.T) {
	for name, change := range map[string]func(*Sizes){
		"no workload":       func(s *Sizes) { s.Workloads = 0 },
		"too many calls":    func(s *Sizes) { s.Calls = maxSlots },
		"no cgroup":         func(s *Sizes) { s.Cgroups = 0 },
		"too many workload": func(s *Sizes) { s.Workloads = maxWorkloads + 1 },
	} {
		sizes := SizesFor(1)
		change(&sizes)
		if sizes.check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, n := range []int{1, 256, 1000, 10000} {
		if err := SizesFor(n).check(); err != nil {
			t.Errorf("SizesFor(%d): %v", n, err)
		}
	}
}

func TestEffectiveCapabilities(t *testing.T) {
	got := EffectiveCapabilities([]byte("Name:\tx\nCapEff:\t000001c000000001\nCapBnd:\tff\n"))
	if diff := cmp.Diff([]string{"cap_chown", "cap_perfmon", "cap_bpf", "cap_checkpoint_restore"}, got); diff != "" {
		t.Error(diff)
	}
	if got := BoundingCapabilities([]byte("CapEff:\t0\nCapBnd:\t0000000000000003\n")); !cmp.Equal(got, []string{"cap_chown", "cap_dac_override"}) {
		t.Errorf("bounding set %v", got)
	}
	if got := EffectiveCapabilities([]byte("CapEff:\tzz\n")); got != nil {
		t.Errorf("garbage gives %v", got)
	}
}

func TestStatusField(t *testing.T) {
	text := []byte("Name:\tx\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n")
	for name, want := range map[string]string{"Seccomp": "2", "NoNewPrivs": "1", "Name": "x", "None": ""} {
		if got := StatusField(text, name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
}
