package recording

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// again is a sample of another run: a container on another architecture, an hour later.
func again() *Recording {
	r := containerSample()
	r.ID = "ff112233445566778899aabbccddeeff"
	r.StartedAt = r.StartedAt.Add(time.Hour)
	r.Host.Architecture = "aarch64"
	r.Phases = append(r.Phases, Phase{Name: PhaseShutdown, StartNs: 900, EndNs: 900, Trigger: Trigger{Kind: "signal"}})
	r.Unreached = nil
	for i := range r.Syscalls {
		r.Syscalls[i].ABI = map[string]string{"x86_64": "aarch64", "x86": "arm"}[r.Syscalls[i].ABI]
	}
	return r
}

func TestMergeOfTwo(t *testing.T) {
	m := merged(t, again(), sample())
	if diff := cmp.Diff([]string{PhaseStartup, PhaseSteady, PhaseShutdown}, PhaseNames(m)[1:]); diff != "" {
		t.Error(diff)
	}
	want := Workload{
		Name: "nginx, web", Kind: KindMany, Cgroup: "", Leader: Leader{PID: 10, End: "exited with code 0, still running"},
		Container: again().Workload.Container,
	}
	if diff := cmp.Diff(want, m.Workload); diff != "" {
		t.Error(diff)
	}
	if m.Host.Architecture != ArchitectureMany || m.Host.Kernel != "6.12.0" || len(m.Unreached) != 0 {
		t.Errorf("host %+v, unreached %v", m.Host, m.Unreached)
	}
	if got := time.Duration(m.DurationNs); got != time.Hour+900 {
		t.Error("duration", got)
	}
	if len(m.Parts) != 2 || m.Parts[0].Calls[PhaseSteady]["x86_64"] != "0:7 1:4" {
		t.Errorf("parts %+v", m.Parts)
	}
	if err := matches(t, compileSchema(t), bytesOf(t, m)); err != nil {
		t.Error(err)
	}
}

func TestMergeOfReplicas(t *testing.T) {
	a, b := containerSample(), containerSample()
	b.ID, b.Workload.Container.ID = again().ID, "4567"
	b.Complete, b.Incomplete = false, []string{"it was killed"}
	m := merged(t, a, b)
	w := m.Workload
	if w.Kind != KindContainer || w.Name != "web" || w.Container.ID != "" || w.Container.Image != a.Workload.Container.Image || !*w.NoNewPrivs {
		t.Errorf("%+v", w)
	}
	if diff := cmp.Diff([]string{"1 of 2 recordings: it was killed"}, m.Incomplete); diff != "" {
		t.Error(diff)
	}
	if err := matches(t, compileSchema(t), bytesOf(t, m)); err != nil {
		t.Error(err)
	}
}

// TestMergeOfThree: values that come back are listed once, whatever the order of the IDs.
func TestMergeOfThree(t *testing.T) {
	var recs []*Recording
	for i, name := range []string{"web", "db", "web"} {
		r := containerSample()
		r.ID, r.Workload.Name = fmt.Sprintf("%032x", i), name
		recs = append(recs, r)
	}
	m := merged(t, recs...)
	if w := m.Workload; w.Name != "db, web" || w.Kind != KindMany || w.NoNewPrivs == nil || w.Container == nil || w.Container.ID != "0123" {
		t.Errorf("%+v", w)
	}
	// What a command had says nothing of a container.
	recs[1].Workload.Kind, recs[1].Workload.Container = KindCommand, nil
	if w := merged(t, recs...).Workload; w.NoNewPrivs != nil || w.Container == nil {
		t.Errorf("%+v", w)
	}
}

func TestMergeErrors(t *testing.T) {
	change := func(f func(*Recording)) *Recording {
		r := sample()
		r.ID = again().ID
		f(r)
		return r
	}
	huge := change(func(r *Recording) {
		r.Syscalls[3].Total, r.Syscalls[3].Phases[PhaseStartup] = math.MaxUint64-40, PhaseCount{Count: math.MaxUint64 - 40}
	})
	for _, tc := range []struct {
		want string
		recs []*Recording
	}{
		{"give at least one", nil},
		{"have the ID", []*Recording{sample(), change(func(r *Recording) { r.ID = sample().ID; r.DurationNs++ })}},
		{"have the ID", []*Recording{merged(t, sample(), again()), change(func(r *Recording) { r.DurationNs++ })}},
		{"is open in one recording and openat in another", []*Recording{sample(), change(func(r *Recording) { r.Syscalls[3].Name = "openat" })}},
		{"more than 2^64-1", []*Recording{huge, sample()}},
		{"more than 2^64-1", []*Recording{
			change(func(r *Recording) { r.Losses["x"] = math.MaxUint64; r.Complete, r.Incomplete = false, []string{"x"} }),
			func() *Recording {
				r := sample()
				r.Losses["x"], r.Complete, r.Incomplete = 1, false, []string{"x"}
				return r
			}(),
		}},
		{"in the year 2262", []*Recording{sample(), change(func(r *Recording) { r.StartedAt = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC) })}},
		{"after the year 2262", []*Recording{sample(), change(func(r *Recording) { r.DurationNs = math.MaxInt64 })}},
	} {
		if _, err := Merge(tc.recs); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %q", err, tc.want)
		}
	}
}

// TestMergedContradictions: a merged file is checked against its parts.
func TestMergedContradictions(t *testing.T) {
	for _, tc := range []struct {
		want   string
		change func(*Recording)
	}{
		{"parts has one entry", func(r *Recording) { r.Parts = r.Parts[:1] }},
		{"not sorted", func(r *Recording) { r.Parts[0], r.Parts[1] = r.Parts[1], r.Parts[0] }},
		{"id is not that of the parts", func(r *Recording) { r.ID = strings.Repeat("0", 32) }},
		{"its parts sum to", func(r *Recording) { r.Parts[0].Calls[PhaseSteady]["x86_64"] = "0:7 1:5" }},
		{"a part has calls that", func(r *Recording) { r.Parts[0].Calls[PhaseSteady]["x86_64"] = "0:7 1:4 9:1" }},
		{"is not above", func(r *Recording) { r.Parts[0].Calls[PhaseSteady]["x86_64"] = "1:4 0:7" }},
		{"NR:COUNT", func(r *Recording) { r.Parts[0].Calls[PhaseSteady]["x86_64"] = "0:7 1:04" }},
		{"NR:COUNT", func(r *Recording) { r.Parts[0].Calls[PhaseSteady]["x86_64"] = "0:7  1:4" }},
		{"NR:COUNT", func(r *Recording) { r.Parts[0].Calls[PhaseSteady]["x86_64"] = "" }},
		{"parts[1]: host.architecture", func(r *Recording) { r.Parts[1].Host.Architecture = ArchitectureMany }},
		{"parts[0]: unreached[0]", func(r *Recording) { r.Parts[0].Unreached = []string{PhaseSteady} }},
		{"host.architecture is not that of the parts", func(r *Recording) { r.Host.Architecture = "x86_64" }},
		{"phases[0].part", func(r *Recording) { r.Phases[0].Part = "" }},
		{"gaps[0].part", func(r *Recording) { r.Gaps[0].Part = r.ID }},
		{"part of its first call", func(r *Recording) {
			p := r.Syscalls[0].Phases[PhaseStartup]
			p.First.Part = ""
			r.Syscalls[0].Phases[PhaseStartup] = p
		}},
		{"is not the sum of the parts", func(r *Recording) {
			r.Parts[0].Losses["calls_no_room"] = 1
			r.Parts[0].Complete = false
			r.Parts[0].Incomplete = []string{"x"}
		}},
		{"if, and only if, all parts", func(r *Recording) { r.Parts[0].Complete = false; r.Parts[0].Incomplete = []string{"x"} }},
		{"unreached is not", func(r *Recording) {
			r.Unreached = nil
			r.Phases = r.Phases[:4]
			r.Parts[1].Unreached = []string{PhaseShutdown}
		}},
		{"startedAt and durationNs", func(r *Recording) { r.DurationNs++ }},
		{"is not in parts", func(r *Recording) { *r = *sample(); r.Phases[0].Part = r.ID }},
	} {
		r := merged(t, sample(), again())
		tc.change(r)
		if err := Validate(r); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %q", err, tc.want)
		}
	}
}
