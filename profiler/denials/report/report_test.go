package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scallop-sec/scallop/profiler/recording"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func returned(n int64) *int64 { return &n }

func sample() *Report {
	return &Report{
		APIVersion: APIVersion, Kind: Kind, ID: strings.Repeat("0a", 16), Tool: "devel", Complete: true,
		StartedAt: noon, EndedAt: noon.Add(time.Minute),
		Host:   Host{Kernel: "6.12.1", Architecture: "x86_64"},
		Losses: map[string]uint64{"tasks_no_room": 0},
		Workloads: []Workload{{
			Name: "web", Kind: recording.KindContainer, Cgroup: "/docker/1",
			Container: &recording.Container{ID: "1", Engine: "docker"},
			Denials: []Denial{
				{Source: Live, ABI: "x86_64", Nr: 41, Name: "socket", Action: Errno, Return: returned(-1), Phase: "startup", Count: 7,
					First: noon.Add(time.Second), Last: noon.Add(2 * time.Second), Who: Who{Comm: "nginx", Exe: "/usr/sbin/nginx", PID: 8, TID: 9}},
				{Source: Audit, ABI: "x86_64", Nr: 41, Name: "socket", Action: Log, Count: 1, First: noon, Last: noon, Who: Who{Comm: "nginx", PID: 8}},
			},
		}},
	}
}

func encoded(t testing.TB, r *Report) string {
	t.Helper()
	data, err := Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestRoundTrip(t *testing.T) {
	first := encoded(t, sample())
	r, err := Decode(strings.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	if second := encoded(t, r); second != first {
		t.Errorf("%s\nbecame\n%s", first, second)
	}
	if d := r.Workloads[0].Denials; d[0].Action != Log || d[1].Count != 7 {
		t.Errorf("not by the time of the first one: %+v", d)
	}
}

func TestDecodeErrors(t *testing.T) {
	good := encoded(t, sample())
	replaced := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the sample has no %s", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, tc := range []struct{ name, input, want string }{
		{"empty", "", "the file is empty: give a file written by `scallop denials"},
		{"truncated", good[:len(good)/2], "the denial report ends in the middle"},
		{"a recording", replaced("DenialReport", "Recording"), `a "Recording", not a DenialReport`},
		{"newer", replaced("scallop/v1", "scallop/v9"), "update scallop"},
		{"an unknown field", replaced(`"tool"`, `"mood"`), "unknown field"},
		{"two", good + good, "more data follows"},
		{"no count", replaced(`"count": 7`, `"count": 0`), "count is 0"},
		{"another source", replaced(`"source": "live"`, `"source": "rumour"`), "source is not"},
		{"another action", replaced(`"action": "errno"`, `"action": "frown"`), "action is not known"},
		{"a bad phase", replaced(`"phase": "startup"`, `"phase": "Start up"`), "phase name"},
		{"before it began", replaced(`"last": "2026-03-04T12:00:02Z"`, `"last": "2026-03-04T11:00:02Z"`), "last is before first"},
		{"lost but complete", replaced(`"tasks_no_room": 0`, `"tasks_no_room": 1`), "losses are not zero"},
		{"a bad ID", replaced("0a0a", "zz"), "id is not 32"},
		{"one part", replaced(`"losses"`, `"parts": ["`+strings.Repeat("1", 32)+`"], "losses"`), "two or more"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Decode(strings.NewReader(tc.input))
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, not %q", err, tc.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(encoded(f, sample())))
	f.Add([]byte(`{"apiVersion":"scallop/v1","kind":"DenialReport"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		again, err := Decode(strings.NewReader(encoded(t, r)))
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if encoded(t, again) != encoded(t, r) {
			t.Error("reading twice changes it")
		}
	})
}

// drawReport makes reports that share workloads and calls often.
func drawReport(t *rapid.T, label string) *Report {
	r := sample()
	r.ID = rapid.StringMatching(`[0-9a-f]{32}`).Draw(t, label)
	r.Workloads = nil
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"web", "db", "cache"}), 0, 3, rapid.ID).Draw(t, "names") {
		w := Workload{Name: name, Kind: recording.KindCgroup}
		for _, nr := range rapid.SliceOfNDistinct(rapid.IntRange(0, 4), 0, 4, rapid.ID).Draw(t, "numbers") {
			at := noon.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "at")) * time.Second)
			w.Denials = append(w.Denials, Denial{
				Source: Live, ABI: "x86_64", Nr: nr, Action: Errno, Return: returned(-38), Count: uint64(rapid.IntRange(1, 9).Draw(t, "count")),
				First: at, Last: at.Add(time.Second), Who: Who{TID: rapid.IntRange(0, 2).Draw(t, "tid")},
			})
		}
		r.Workloads = append(r.Workloads, w)
	}
	return r
}

func total(r *Report) (n uint64) {
	for _, w := range r.Workloads {
		for _, d := range w.Denials {
			n += d.Count
		}
	}
	return n
}

// Neither the order nor the grouping matters, nor a report given twice, and no denial is lost.
func TestMergeLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawReport(t, "a"), drawReport(t, "b"), drawReport(t, "c")
		if a.ID == b.ID || b.ID == c.ID || a.ID == c.ID {
			t.Skip("they count as the same")
		}
		whole := merge(t, a, b, c)
		if total(whole) != total(a)+total(b)+total(c) {
			t.Errorf("%d of %d denials", total(whole), total(a)+total(b)+total(c))
		}
		for name, other := range map[string]*Report{
			"another order": merge(t, c, a, b, a),
			"in groups":     merge(t, merge(t, a, b), c),
		} {
			if string(encode(t, whole)) != string(encode(t, other)) {
				t.Errorf("%s: %s\nis not\n%s", name, encode(t, other), encode(t, whole))
			}
		}
		if _, err := Merge(whole, a); err == nil {
			t.Error("a part was counted twice")
		}
		changed := *a
		changed.EndedAt = changed.EndedAt.Add(time.Second)
		if _, err := Merge(a, &changed); err == nil {
			t.Error("one of two that differ was left out")
		}
	})
}

func merge(t *rapid.T, reports ...*Report) *Report {
	m, err := Merge(reports...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func encode(t *rapid.T, r *Report) []byte {
	data, err := Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
