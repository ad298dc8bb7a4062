package recording

import (
	"fmt"
	"testing"
	"time"
)

// fleetMember is one of many recordings of 300 calls in three phases.
func fleetMember(id int) *Recording {
	r := &Recording{
		APIVersion: APIVersion, Kind: Kind, ID: fmt.Sprintf("%032x", id), Complete: true, StartedAt: time.Unix(int64(id), 0).UTC(), DurationNs: 900,
		Workload: Workload{Name: "web", Kind: KindCommand}, Host: Host{Architecture: "x86_64"}, Losses: map[string]uint64{"calls_no_room": 0},
		Phases: []Phase{{Name: PhaseStartup, EndNs: 100}, {Name: PhaseSteady, StartNs: 100, EndNs: 800}, {Name: PhaseShutdown, StartNs: 800, EndNs: 900}},
	}
	for nr := range 300 {
		s := Syscall{ABI: "x86_64", Nr: nr, Phases: map[string]PhaseCount{}}
		for i, p := range r.Phases {
			n := uint64(1 + (nr*7919+id*31+i)%5000)
			s.Phases[p.Name] = PhaseCount{Count: n, First: FirstCall{OffsetNs: int64(nr), Comm: "web", Exe: "/usr/bin/web"}, LastSeenNs: 900}
			s.Total += n
		}
		r.Syscalls = append(r.Syscalls, s)
	}
	return r
}

// BenchmarkMerge: a thousand recordings of 300 calls in three phases, and the file that comes of it.
func BenchmarkMerge(b *testing.B) {
	var recs []*Recording
	for id := range 1000 {
		recs = append(recs, fleetMember(id))
	}
	b.ReportAllocs()
	for b.Loop() {
		r, err := Merge(recs)
		if err != nil {
			b.Fatal(err)
		}
		data, err := Encode(r)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(data))/1e6, "MB/file")
	}
}
