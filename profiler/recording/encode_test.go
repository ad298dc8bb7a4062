package recording

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestEncodeGolden(t *testing.T) {
	got, err := Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "sample.json")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestEncodeRanksAndLeavesTheInput(t *testing.T) {
	r := sample()
	if _, err := Encode(r); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), r); diff != "" {
		t.Errorf("Encode changed its argument: %s", diff)
	}
	Rank(r.Syscalls)
	var got []string
	for _, s := range r.Syscalls {
		got = append(got, fmt.Sprintf("%s/%d", s.ABI, s.Nr))
	}
	want := []string{"x86_64/2", "x86_64/0", "x86/4", "x86_64/1", "x86_64/999"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEncodeIsTheSameForAnyOrder(t *testing.T) {
	a, b := sample(), sample()
	slices.Reverse(b.Syscalls)
	b.StartedAt = b.StartedAt.Local()
	b.Syscalls[0].Phases = map[string]PhaseCount{}
	for k, v := range a.Syscalls[4].Phases {
		b.Syscalls[0].Phases[k] = v
	}
	x, errX := Encode(a)
	y, errY := Encode(b)
	if errX != nil || errY != nil {
		t.Fatal(errX, errY)
	}
	if !bytes.Equal(x, y) {
		t.Error(cmp.Diff(string(x), string(y)))
	}
}

func TestEncodeRefusesWhatCannotBeRead(t *testing.T) {
	r := sample()
	r.Syscalls[0].Total++
	if _, err := Encode(r); err == nil {
		t.Error("a wrong total was written")
	}
}

// TestFilesRoundTrip: every recording in testdata is in the form that Encode writes.
func TestFilesRoundTrip(t *testing.T) {
	files, err := filepath.Glob("../../testdata/recordings/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no recordings in testdata:", err)
	}
	for _, file := range files {
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Decode(bytes.NewReader(want))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		got, err := Encode(r)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: not as Encode writes it", file)
		}
	}
}
