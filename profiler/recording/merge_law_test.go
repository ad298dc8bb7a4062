package recording

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestMergeLaws merges the same recordings in random orders and groupings, some of them twice and
// inside of others: the files must be the same.
func TestMergeLaws(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		recs := drawnSet(rt, 5)
		want := bytesOf(t, merged(t, recs...))
		list := slices.Clone(recs)
		for range rapid.IntRange(0, 6).Draw(rt, "steps") {
			some := rapid.SliceOfN(rapid.SampledFrom(list), 1, 4).Draw(rt, "some")
			r := merged(t, some...)
			if rapid.Bool().Draw(rt, "through a file") {
				r = reread(t, r)
			}
			list = append(list, r)
		}
		list = rapid.Permutation(list).Draw(rt, "order")
		if got := bytesOf(t, merged(t, list...)); !bytes.Equal(got, want) {
			rt.Fatalf("the order or grouping shows:\n%s", cmp.Diff(string(want), string(got)))
		}
	})
}

// TestMergeThreeLaws states them one by one, on the smallest inputs.
func TestMergeThreeLaws(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b, c := drawn(1).Draw(rt, "a"), drawn(2).Draw(rt, "b"), drawn(3).Draw(rt, "c")
		same := func(law string, x, y *Recording) {
			if diff := cmp.Diff(string(bytesOf(t, x)), string(bytesOf(t, y))); diff != "" {
				rt.Fatalf("%s: %s", law, diff)
			}
		}
		same("commutative", merged(t, a, b), merged(t, b, a))
		same("associative", merged(t, merged(t, a, b), c), merged(t, a, merged(t, b, c)))
		same("idempotent", merged(t, a, a), a)
		same("idempotent inside", merged(t, merged(t, a, b), merged(t, b, c)), merged(t, a, b, c))
	})
}

// TestMergeKeepsEverything: nothing is lost and nothing invented; the inputs stay as they were.
func TestMergeKeepsEverything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		recs := drawnSet(rt, 4)
		var before [][]byte
		for _, r := range recs {
			before = append(before, bytesOf(t, r))
		}
		m := merged(t, recs...)
		if err := Validate(m); err != nil {
			rt.Fatal(err)
		}
		checkCounts(rt, m, recs)
		checkState(rt, m, recs)
		checkEvidence(rt, m, recs)
		for i, r := range recs {
			if !bytes.Equal(before[i], bytesOf(t, r)) {
				rt.Fatal("Merge changed its argument")
			}
		}
	})
}

func checkCounts(t *rapid.T, m *Recording, recs []*Recording) {
	want := map[phaseKey]uint64{}
	for _, r := range recs {
		for _, s := range r.Syscalls {
			for phase, p := range s.Phases {
				want[phaseKey{callKey{s.ABI, s.Nr}, phase}] += p.Count
			}
		}
	}
	got := map[phaseKey]uint64{}
	for _, s := range m.Syscalls {
		for phase, p := range s.Phases {
			got[phaseKey{callKey{s.ABI, s.Nr}, phase}] = p.Count
		}
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(phaseKey{}, callKey{})); diff != "" {
		t.Fatal(diff)
	}
}

func checkState(t *rapid.T, m *Recording, recs []*Recording) {
	complete, lost, phases, gaps := true, uint64(0), 0, 0
	for _, r := range recs {
		complete = complete && r.Complete
		lost += r.Losses["calls_no_room"]
		phases += len(r.Phases)
		gaps += len(r.Gaps)
	}
	if m.Complete != complete || m.Losses["calls_no_room"] != lost || len(m.Gaps) != gaps || len(m.Phases) > phases {
		t.Fatalf("complete %v, lost %d, %d gaps, %d stretches", m.Complete, m.Losses["calls_no_room"], len(m.Gaps), len(m.Phases))
	}
	for _, name := range []string{PhaseStartup, PhaseSteady, PhaseShutdown} {
		reached := slices.ContainsFunc(recs, func(r *Recording) bool { return Reached(r, name) })
		if slices.Contains(m.Unreached, name) == reached || Reached(m, name) != reached {
			t.Fatalf("%s: unreached %v", name, m.Unreached)
		}
	}
}

// checkEvidence: the first call is one that a recording has, and none is earlier by the wall clock.
func checkEvidence(t *rapid.T, m *Recording, recs []*Recording) {
	for _, s := range m.Syscalls {
		for phase, p := range s.Phases {
			at := m.StartedAt.UnixNano() + p.First.OffsetNs
			found := false
			for _, r := range recs {
				i := slices.IndexFunc(r.Syscalls, func(o Syscall) bool { return o.ABI == s.ABI && o.Nr == s.Nr })
				if i < 0 || r.Syscalls[i].Phases[phase].Count == 0 {
					continue
				}
				first := r.Syscalls[i].Phases[phase].First
				own := r.StartedAt.UnixNano() + first.OffsetNs
				if own < at {
					t.Fatalf("%s in %s: recording %s has an earlier first call", s.Name, phase, r.ID)
				}
				found = found || own == at && first.Comm == p.First.Comm && first.PID == p.First.PID && (len(m.Parts) == 0 || p.First.Part == r.ID)
			}
			if !found {
				t.Fatalf("%s in %s: first call %+v is in no recording", s.Name, phase, p.First)
			}
		}
	}
}
