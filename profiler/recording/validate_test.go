package recording

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	if err := Validate(sample()); err != nil {
		t.Fatal(err)
	}
	first := func(r *Recording) *Syscall { return &r.Syscalls[0] } // write: startup 3, steady 4
	set := func(r *Recording, phase string, change func(*PhaseCount)) {
		p := first(r).Phases[phase]
		change(&p)
		first(r).Phases[phase] = p
	}
	for _, tc := range []struct {
		want   string
		change func(*Recording)
	}{
		{"id is not 32", func(r *Recording) { r.ID = "zz" }},
		{"host.architecture", func(r *Recording) { r.Host.Architecture = "x86-64" }},
		{"host.cpus", func(r *Recording) { r.Host.CPUs = -1 }},
		{"workload.seccomp", func(r *Recording) { r.Workload.Seccomp = 3 }},
		{"workload.leader.pid", func(r *Recording) { r.Workload.Leader.PID = -1 }},
		{"durationNs is negative", func(r *Recording) { r.DurationNs = -1 }},
		{"startedAt", func(r *Recording) { r.StartedAt = time.Time{} }},
		{"phases[0]", func(r *Recording) { r.Phases[0].Name = "Start up" }},
		{"does not end after it starts", func(r *Recording) { r.Phases[1].EndNs = 3 }},
		{"unreached[0] is not one of", func(r *Recording) { r.Unreached = []string{"reload"} }},
		{"unreached[1] is not one of", func(r *Recording) { r.Unreached = []string{PhaseShutdown, PhaseShutdown} }},
		{"phase steady was reached", func(r *Recording) { r.Unreached = []string{PhaseSteady} }},
		{"no reason in snake_case", func(r *Recording) { r.Losses["Map full"] = 0 }},
		{"losses are not zero", func(r *Recording) { r.Losses["events_dropped"] = 1 }},
		{"incomplete gives a reason", func(r *Recording) { r.Incomplete = []string{"lost"} }},
		{"incomplete gives no reason", func(r *Recording) { r.Complete = false }},
		{"abi is no ABI", func(r *Recording) { first(r).ABI = "" }},
		{"nr is not between", func(r *Recording) { first(r).Nr = -1 }},
		{"nr is not between", func(r *Recording) { first(r).Nr = 1 << 30 }},
		{"no name of a system call", func(r *Recording) { first(r).Name = "wri te" }},
		{"total is 8, but its phases sum to 7", func(r *Recording) { first(r).Total = 8 }},
		{"total is 0", func(r *Recording) { first(r).Total, first(r).Phases = 0, nil }},
		{`phase "reload" is not in phases`, func(r *Recording) {
			first(r).Phases["reload"] = PhaseCount{Count: 1}
			first(r).Total++
		}},
		{"phase steady has no call", func(r *Recording) { set(r, PhaseSteady, func(p *PhaseCount) { p.Count = 0 }) }},
		{"negative time", func(r *Recording) { set(r, PhaseSteady, func(p *PhaseCount) { p.First.OffsetNs = -1 }) }},
		{"sum of its phases is more", func(r *Recording) { set(r, PhaseSteady, func(p *PhaseCount) { p.Count = math.MaxUint64 }) }},
		{"sum of all totals is more", func(r *Recording) {
			set(r, PhaseSteady, func(p *PhaseCount) { p.Count = math.MaxUint64 - 3 })
			first(r).Total = math.MaxUint64
		}},
		{"occurs twice", func(r *Recording) { r.Syscalls = append(r.Syscalls, r.Syscalls[1]) }},
	} {
		r := sample()
		tc.change(r)
		if err := Validate(r); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %q", err, tc.want)
		}
	}
}

func TestPhaseNames(t *testing.T) {
	r := sample()
	r.Phases = append(r.Phases, Phase{Name: PhaseShutdown}, Phase{Name: "reload"}, Phase{Name: "backup"}, Phase{Name: PhaseSteady})
	got := strings.Join(PhaseNames(r), " ")
	// setup is there for the one call filed under it.
	if want := "setup startup steady reload backup shutdown"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
