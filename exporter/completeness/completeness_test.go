package completeness

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// row is a call of phase steady: its count, and when it was first and last seen.
type row struct {
	nr          int
	count       uint64
	first, last int64
}

// steady is a recording of 100 ns of startup and 1,000 of steady with those calls.
func steady(t testing.TB, id int, rows ...row) *recording.Recording {
	t.Helper()
	r := &recording.Recording{
		APIVersion: recording.APIVersion, Kind: recording.Kind, ID: fmt.Sprintf("%032x", id), Complete: true,
		StartedAt: time.Unix(int64(id), 0).UTC(), DurationNs: 1100,
		Workload: recording.Workload{Name: "web", Kind: recording.KindCommand},
		Host:     recording.Host{Architecture: "x86_64"},
		Phases:   []recording.Phase{{Name: "startup", EndNs: 100}, {Name: "steady", StartNs: 100, EndNs: 1100}},
	}
	for _, c := range rows {
		p := recording.PhaseCount{Count: c.count, First: recording.FirstCall{OffsetNs: c.first}, LastSeenNs: c.last}
		r.Syscalls = append(r.Syscalls, recording.Syscall{ABI: "x86_64", Nr: c.nr, Total: c.count, Phases: map[string]recording.PhaseCount{"steady": p}})
	}
	recording.Rank(r.Syscalls)
	if err := recording.Validate(r); err != nil {
		t.Fatal(err)
	}
	return r
}

func merged(t testing.TB, recs ...*recording.Recording) *recording.Recording {
	t.Helper()
	r, err := recording.Merge(recs)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 5e-4 {
		t.Errorf("%s is %.4f, want %.4f", what, got, want)
	}
}

// TestEstimators: the first are the figures published for a well-known sample (spiders of a girdled
// canopy: n 168, f1 12, f2 4; Chao1 43.893 for 26 seen), the others are worked out by hand.
func TestEstimators(t *testing.T) {
	near(t, "Chao1", 26+chao(12, 4, 168), 43.893)
	near(t, "Good-Turing", goodTuring(12, 168), 0.9286)
	near(t, "Chao1 without a pair", chao(3, 0, 10), 2.7)
	near(t, "Chao1 of the line in the docs", chao(1, 1, 4558), 0.4999)
	near(t, "Chao2", chao(4, 2, 5), 3.2)
	near(t, "coverage of samples", coverageOfSamples(4, 2, 5, 40), 1-0.1*(16.0/20))
	near(t, "coverage of samples without a pair", coverageOfSamples(4, 0, 5, 40), 0.9)
	near(t, "coverage of samples that agree", coverageOfSamples(0, 0, 3, 30), 1)
}

func TestFigure(t *testing.T) {
	r := steady(t, 1,
		row{0, 4000, 110, 1100}, // until the end
		row{1, 50, 120, 300},    // ended before the last new one
		row{2, 2, 150, 1100},
		row{3, 1, 500, 600}, // the last new one
	)
	f := Of(r, nil).Phases[1]
	want := Figure{
		Phase: "steady", Calls: 4053, Different: 4, Once: 1, Twice: 1, Coverage: f.Coverage, Unseen: f.Unseen, Halves: f.Halves,
		LastNew: &LastNew{Name: "close", AtNs: 400, OfNs: 1000, AtLeast: 50 + 1 + 1, AtMost: 4052},
	}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Error(diff)
	}
	near(t, "coverage", f.Coverage, 1-1.0/4053)
	near(t, "unseen", f.Unseen, 4052.0/4053/2)
	// 0 and 2 are in both halves; 1 and 3 in the first alone.
	if h := f.Halves; h.Once != 2 || h.Twice != 2 || h.LastNew != 1 || h.Incidences != 6 {
		t.Errorf("%+v", h)
	}
	got := f.Line()
	if want := "steady: 4 different calls in 4,053; 1 seen only once; the last new one came after 0 µs of 1 µs; estimated unseen: at least 0.5; coverage 99.97 %"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestHalves(t *testing.T) {
	r := steady(t, 1, row{0, 9, 110, 1100}, row{1, 1, 150, 1100}, row{2, 5, 900, 1100})
	h := Of(r, nil).Phases[1].Halves
	// A look at the end found the one call of the beginning: it still is in the first half only.
	if h.Once != 2 || h.Twice != 1 || h.LastNew != 2 {
		t.Errorf("%+v", h)
	}
}

func TestRecordings(t *testing.T) {
	a := steady(t, 1, row{0, 9, 110, 1100}, row{1, 1, 150, 1100})
	b := steady(t, 2, row{0, 9, 110, 1100}, row{1, 1, 150, 1100}, row{257, 3, 150, 1100})
	c := steady(t, 3, row{0, 9, 110, 1100}, row{1, 2, 150, 1100})
	f := Of(merged(t, c, a, b), nil).All
	s := f.Recordings
	if s == nil || s.Count != 3 || s.Once != 1 || s.Twice != 0 || s.Incidences != 7 || s.LastNew != 2 || f.LastNew != nil {
		t.Fatalf("%+v", s)
	}
	near(t, "coverage", s.Coverage, 1-1.0/7)
	if want := "in all: 3 different calls in 34; 3 recordings, 1 of the calls in one of them only; the last new one came with recording 2; estimated unseen: at least 0; coverage 85.71 % over recordings, 100 % over calls"; f.Line() != want {
		t.Error(f.Line())
	}
	var added []string
	for _, run := range Runs(merged(t, c, a, b), nil) {
		added = append(added, fmt.Sprint(run.Part.ID[31:], " ", run.Different, " ", run.Total, " ", run.Added))
	}
	if diff := cmp.Diff([]string{"1 2 2 [read write]", "2 3 3 [openat]", "3 2 3 []"}, added); diff != "" {
		t.Error(diff)
	}
	if c, of := Of(merged(t, a, b), nil).Lowest(); of != "all phases over recordings" || c >= 1 {
		t.Error(c, of)
	}
}

// TestRecordingsOfArchitectures: the same call on another architecture is nothing new, whatever its number is.
func TestRecordingsOfArchitectures(t *testing.T) {
	a, b := steady(t, 1, row{0, 9, 110, 1100}, row{1, 1, 150, 1100}), steady(t, 2, row{63, 9, 110, 1100}, row{64, 1, 150, 1100})
	b.Host.Architecture = "aarch64"
	for i := range b.Syscalls {
		c := &b.Syscalls[i]
		c.ABI = "aarch64"
		c.Name, _ = syscalls.Name(syscalls.AArch64, c.Nr)
	}
	s := Of(merged(t, a, b), nil).All.Recordings
	if s == nil || s.Once != 0 || s.Twice != 2 || s.Coverage != 1 || s.LastNew != 1 {
		t.Fatalf("read and write are in both: %+v", s)
	}
	if runs := Runs(merged(t, a, b), nil); len(runs[1].Added) != 0 {
		t.Errorf("the second run added %v", runs[1].Added)
	}
}

// TestRuntimeIsLeftOut: setup and handover are not the workload's.
func TestRuntimeIsLeftOut(t *testing.T) {
	r := steady(t, 1, row{0, 9, 110, 1100})
	r.Syscalls[0].Phases[recording.PhaseHandover] = recording.PhaseCount{Count: 1}
	r.Syscalls[0].Total++
	if f := Of(r, nil).All; f.Calls != 9 {
		t.Errorf("%+v", f)
	}
	if f := Of(r, []string{"startup"}).All; f.Calls != 0 || !strings.Contains(f.Line(), "no call was made") {
		t.Errorf("%+v", f)
	}
}

// TestUnseenIsBounded: no more can be unseen than the table has.
func TestUnseenIsBounded(t *testing.T) {
	var rows []row
	for nr := range 300 {
		rows = append(rows, row{nr, 1, 110, 1100})
	}
	f := Of(steady(t, 1, rows...), nil).All
	if size := tableSize("x86_64"); f.Unseen != float64(size-300) || size < 350 {
		t.Error(f.Unseen, size)
	}
}

// TestFigureProperties: whatever was recorded, the figures are numbers in their ranges, and the order of
// recordings does not show.
func TestFigureProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var recs []*recording.Recording
		for id := range rapid.IntRange(1, 4).Draw(rt, "recordings") {
			var rows []row
			for _, nr := range rapid.SliceOfNDistinct(rapid.IntRange(0, 500), 0, 8, rapid.ID).Draw(rt, "numbers") {
				rows = append(rows, row{nr, rapid.Uint64Range(1, 4).Draw(rt, "count"), rapid.Int64Range(0, 1200).Draw(rt, "first"), rapid.Int64Range(0, 1200).Draw(rt, "last")})
			}
			recs = append(recs, steady(t, id, rows...))
		}
		report := Of(merged(t, recs...), nil)
		again := Of(merged(t, rapid.Permutation(recs).Draw(rt, "order")...), nil)
		if diff := cmp.Diff(report, again); diff != "" {
			rt.Fatal(diff)
		}
		f := report.All
		ok := func(c, unseen float64) bool { return c >= 0 && c <= 1 && unseen >= 0 && !math.IsInf(unseen, 0) }
		if !ok(f.Coverage, f.Unseen) || f.Recordings != nil && !ok(f.Recordings.Coverage, f.Recordings.Unseen) || f.Halves != nil && !ok(f.Halves.Coverage, f.Halves.Unseen) {
			rt.Fatalf("%+v", f)
		}
		if n := f.LastNew; n != nil && (n.AtLeast > n.AtMost || n.AtMost >= f.Calls || n.AtNs > n.OfNs) {
			rt.Fatalf("%+v", n)
		}
		if f.Line() == "" {
			rt.Fatal("no line")
		}
		curve := OverTime(merged(t, recs...), nil, 7)
		if !slices.IsSorted(curve) || curve[6] != f.Different {
			rt.Fatal(curve)
		}
	})
}

func TestPercent(t *testing.T) {
	for share, want := range map[float64]string{1: "100 %", 0.999781: "99.97 %", 0.99999312: "99.9993 %", 0.9: "90 %", 0.98765: "98.76 %", 0: "0 %", 0.9996: "99.96 %", 0.5: "50 %", 0.9999999999: ">99.9999 %"} {
		if got := Percent(share); got != want {
			t.Errorf("%v is %s, want %s", share, got, want)
		}
	}
}

func TestPlot(t *testing.T) {
	var b strings.Builder
	Plot(&b, []int{10, 19, 20, 20}, 12, 2)
	if diff := cmp.Diff("20 │  ▇▇████\n   │████████\n 0 └────────\n", b.String()); diff != "" {
		t.Error(diff)
	}
	for width := range 20 {
		for n := range 40 {
			if got := fitted(make([]int, n+1), max(1, width)); len(got) > max(1, width) {
				t.Error(width, n, len(got))
			}
		}
	}
	if got := fitted([]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 3); !slices.Equal(got, []int{4, 7, 10}) {
		t.Error(got)
	}
}

// TestRealRecording: what a person reads of the recording in testdata.
func TestRealRecording(t *testing.T) {
	f, err := os.Open("../../testdata/recordings/nginx.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := recording.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"in all: 61 different calls in 201,544; 2 seen only once; the last new one came after 11.4 s of 11.5 s, 201,467 to 201,501 calls; estimated unseen: at least 0.1; coverage 99.999 %",
		"startup: 50 different calls in 9,336; 2 seen only once; the last new one came after 0.4 s of 1.2 s; estimated unseen: at least 0.2; coverage 99.97 %",
		"steady: 19 different calls in 192,073; all seen more than once; the last new one came after 3.3 s of 10.2 s; estimated unseen: at least 0; coverage 100 %",
		"shutdown: 19 different calls in 135; 1 seen only once; the last new one came after 20 ms of 65 ms; estimated unseen: at least 0.1; coverage 99.25 %",
	}
	if diff := cmp.Diff(want, Of(r, nil).Lines()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{51, 55, 55, 55, 61}, OverTime(r, nil, 5)); diff != "" {
		t.Error(diff)
	}
}
