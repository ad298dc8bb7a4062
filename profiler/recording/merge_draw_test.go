package recording

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawn generates valid recordings of many kinds: containers, commands, other architectures,
// lost calls, gaps, phases that were never reached.
func drawn(id int) *rapid.Generator[*Recording] {
	return rapid.Custom(func(t *rapid.T) *Recording {
		r := &Recording{
			APIVersion: APIVersion, Kind: Kind, ID: fmt.Sprintf("%032x", id), Tool: pick(t, "tool", "devel", "1.2"), Complete: true,
			StartedAt:  time.Unix(rapid.Int64Range(0, 1).Draw(t, "startedAt"), rapid.Int64Range(0, 1).Draw(t, "ns")).UTC(),
			DurationNs: rapid.Int64Range(0, 1000).Draw(t, "duration"),
			Workload:   drawWorkload(t),
			Host: Host{
				Kernel: pick(t, "kernel", "6.1.0", "6.12.0"), Architecture: pick(t, "architecture", "x86_64", "aarch64"),
				CPUs: rapid.IntRange(0, 2).Draw(t, "cpus"), Capabilities: []string{"CAP_BPF"},
			},
			Losses: map[string]uint64{"calls_no_room": 0},
		}
		drawPhases(t, r)
		drawCalls(t, r)
		drawDamage(t, r)
		if err := Validate(normalized(r)); err != nil {
			t.Fatal("the generator is wrong:", err)
		}
		return r
	})
}

func pick(t *rapid.T, what string, of ...string) string { return rapid.SampledFrom(of).Draw(t, what) }

func drawWorkload(t *rapid.T) Workload {
	w := Workload{Name: pick(t, "name", "web", "db"), Kind: pick(t, "kind", KindCommand, KindContainer), Seccomp: rapid.SampledFrom([]int{0, 2}).Draw(t, "seccomp")}
	if w.Kind == KindContainer {
		w.Container = &Container{ID: pick(t, "container", "01", "23"), Runtime: pick(t, "runtime", "runc", "crun"), Labels: map[string]string{"app": w.Name, "pod": pick(t, "label", "a", "b")}}
		if rapid.Bool().Draw(t, "pod") {
			w.Container.Pod = &Pod{Namespace: "default", Name: pick(t, "podname", "web-0", "web-1")}
		}
	}
	if rapid.Bool().Draw(t, "known") {
		set := rapid.Bool().Draw(t, "nnp")
		w.NoNewPrivs = &set
	}
	if code := rapid.IntRange(-1, 1).Draw(t, "code"); code >= 0 {
		w.Leader.ExitCode, w.Leader.End = &code, fmt.Sprintf("exited with code %d", code)
	}
	return w
}

func drawPhases(t *rapid.T, r *Recording) {
	var at int64
	for _, name := range []string{PhaseSetup, PhaseStartup, PhaseSteady, "reload", PhaseSteady, PhaseShutdown} {
		if !rapid.Bool().Draw(t, name) {
			continue
		}
		end := at + rapid.Int64Range(0, 2).Draw(t, "length")
		r.Phases = append(r.Phases, Phase{Name: name, StartNs: at, EndNs: end, Trigger: Trigger{Kind: pick(t, "trigger", "exec", "mark")}})
		at = end
	}
	if rapid.Bool().Draw(t, "gap") {
		r.Gaps = []Gap{{StartNs: 1, EndNs: 2}}
	}
	for _, name := range []string{PhaseStartup, PhaseSteady, PhaseShutdown} {
		if !Reached(r, name) {
			r.Unreached = append(r.Unreached, name)
		}
	}
}

func drawCalls(t *rapid.T, r *Recording) {
	abis := map[string][]string{"x86_64": {"x86_64", "x86"}, "aarch64": {"aarch64", "arm"}}[r.Host.Architecture]
	phases := append(PhaseNames(r), PhaseHandover)
	for _, abi := range abis {
		for nr := range 4 {
			s := Syscall{ABI: abi, Nr: nr, Name: fmt.Sprintf("%s_%d", abi, nr), Phases: map[string]PhaseCount{}}
			for _, phase := range phases {
				if !rapid.Bool().Draw(t, "made") || phase == PhaseHandover && !rapid.Bool().Draw(t, "handed") {
					continue
				}
				n := rapid.OneOf(rapid.Uint64Range(1, 3), rapid.Uint64Range(1, 1<<52)).Draw(t, "count")
				s.Phases[phase] = PhaseCount{Count: n, LastSeenNs: rapid.Int64Range(0, 9).Draw(t, "last"), First: FirstCall{
					OffsetNs: rapid.Int64Range(0, 3).Draw(t, "first"), Comm: pick(t, "comm", "a", "b"), PID: rapid.IntRange(0, 2).Draw(t, "pid"),
				}}
				s.Total += n
			}
			if s.Total > 0 {
				r.Syscalls = append(r.Syscalls, s)
			}
		}
	}
}

func drawDamage(t *rapid.T, r *Recording) {
	if !rapid.Bool().Draw(t, "damaged") {
		return
	}
	r.Complete, r.Incomplete = false, []string{pick(t, "why", "7 calls were lost", "still being recorded")}
	r.Losses["calls_no_room"] = rapid.Uint64Range(0, 9).Draw(t, "lost")
}

// drawnSet are recordings with IDs of their own.
func drawnSet(t *rapid.T, limit int) []*Recording {
	var recs []*Recording
	for i := range rapid.IntRange(1, limit).Draw(t, "recordings") {
		recs = append(recs, drawn(i).Draw(t, fmt.Sprintf("recording %d", i)))
	}
	return recs
}

func merged(t testing.TB, recs ...*Recording) *Recording {
	t.Helper()
	r, err := Merge(recs)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func bytesOf(t testing.TB, r *Recording) []byte {
	t.Helper()
	b, err := Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// reread takes r through the file, as the command line does.
func reread(t testing.TB, r *Recording) *Recording {
	t.Helper()
	again, err := Decode(bytes.NewReader(bytesOf(t, r)))
	if err != nil {
		t.Fatal(err)
	}
	return again
}
