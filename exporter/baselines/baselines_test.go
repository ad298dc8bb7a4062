package baselines

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sample is a small baseline that is in order.
func sample() *Baseline {
	return &Baseline{
		APIVersion: APIVersion, Kind: Kind, Runtime: "runc", Version: "1.1.5", Origin: "Debian 12, package runc", Build: []string{"go: go1.19.8"},
		Architecture: "x86_64", Kernel: "6.18.44", Date: "2026-11-24", Method: "strace",
		Settings: []Setting{
			{
				Starts: []Starts{{"run as root", 2}, {"exec as root", 1}},
				Calls:  []Call{{"execve", 3, 3}, {"setuid", 2, 5}},
			},
			{
				NoNewPrivs: true,
				Starts:     []Starts{{"run as root", 1}},
				Failed:     []Failed{{"exec as root", "exec: no such container"}},
				Calls:      []Call{{"execve", 1, 1}},
			},
		},
	}
}

const golden = "testdata/sample.json"

func TestEncodeGolden(t *testing.T) {
	got, err := Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s", got)
	}
}

// TestShipped: every file is in its canonical form and under its name, so that measuring
// again shows as a readable difference.
func TestShipped(t *testing.T) {
	list, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	families := map[string]int{}
	for _, b := range list {
		families[b.Runtime]++
		data, err := os.ReadFile(b.FileName())
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Encode(b); err != nil || !bytes.Equal(data, again) {
			t.Errorf("%s is not as Encode writes it (%v): measure it again with `make baselines`", b.FileName(), err)
		}
		if len(b.Settings) != 2 {
			t.Errorf("%s has %d settings of no_new_privs", b.FileName(), len(b.Settings))
		}
	}
	if files, err := filepath.Glob("*.json"); err != nil || len(files) != len(list) {
		t.Errorf("%d files, but %d baselines (%v)", len(files), len(list), err)
	}
	if families["runc"] < 2 || families["crun"] < 2 {
		t.Errorf("baselines by family: %v", families)
	}
}

func TestDecodeErrors(t *testing.T) {
	data, err := Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	for _, tc := range []struct{ name, input, want string }{
		{"empty", "", "not a baseline"},
		{"truncated", good[:len(good)/2], "not a baseline"},
		{"two", good + good, "more data follows"},
		{"a recording", strings.Replace(good, `"Baseline"`, `"Recording"`, 1), `kind "Recording"`},
		{"a newer one", strings.Replace(good, "scallop/v1", "scallop/v2", 1), `apiVersion "scallop/v2"`},
		{"an unknown field", strings.Replace(good, `"origin"`, `"mood"`, 1), `unknown field`},
		{"a path for a runtime", strings.Replace(good, `"runc"`, `"../runc"`, 1), "is not a name"},
		{"a sentence for a version", strings.Replace(good, `"1.1.5"`, `"latest"`, 1), "is not a version"},
		{"an architecture", strings.Replace(good, `"x86_64"`, `"vax"`, 1), "no table of system calls"},
		{"a date", strings.Replace(good, "2026-11-24", "24.11.2026", 1), "not of the form"},
		{"an escape", strings.Replace(good, "6.18.44", `\u001b[31m`, 1), "not printable"},
		{"no origin", strings.Replace(good, "Debian 12, package runc", "", 1), "is empty"},
		{"an unknown call", strings.Replace(good, `"setuid"`, `"setuids"`, 1), `no call "setuids"`},
		{"a call twice", strings.Replace(good, `"setuid", "starts": 2`, `"execve", "starts": 2`, 1), "twice or out of order"},
		{"more starts than there were", strings.Replace(good, `"starts": 2, "count": 5`, `"starts": 4, "count": 5`, 1), "in 4 of 3 starts"},
		{"fewer calls than starts", strings.Replace(good, `"starts": 2, "count": 5`, `"starts": 2, "count": 1`, 1), "made 1 times in 2"},
		{"a start without execve", strings.Replace(good, `"starts": 3, "count": 3`, `"starts": 2, "count": 3`, 1), "not every start ended with execve"},
		{"a kind twice", strings.Replace(good, `"exec as root", "count": 1`, `"run as root", "count": 1`, 1), "occurs twice"},
		{"a count of nothing", strings.Replace(good, `"exec as root", "count": 1`, `"exec as root", "count": 0`, 1), "measured 0 times"},
		{"settings in another order", strings.Replace(good, `"noNewPrivs": false`, `"noNewPrivs": true`, 1), "settings must be"},
		{"no settings", good[:strings.Index(good, `"settings"`)] + `"settings": []}`, "settings must be"},
		{"too large", good + strings.Repeat(" ", MaxSize), "larger than"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Decode(strings.NewReader(tc.input))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 400 || !strings.HasSuffix(err.Error(), nextStep) {
				t.Errorf("not one short clean line with the next step: %q", err)
			}
		})
	}
}

func TestVersions(t *testing.T) {
	sorted := []string{"0.17", "1.0.0-rc5", "1.0.0-rc93", "1.0.0", "1.1.5", "1.1.15", "1.8.1", "1.21", "1.28"}
	shuffled := slices.Clone(sorted)
	slices.Sort(shuffled)
	slices.SortFunc(shuffled, compareVersions)
	if !slices.Equal(sorted, shuffled) {
		t.Errorf("got %v", shuffled)
	}
}

// FuzzDecode: no input panics, errors are one line, and what is accepted has one form.
func FuzzDecode(f *testing.F) {
	data, err := os.ReadFile(golden)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"settings":[{"calls":[{}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Decode(bytes.NewReader(data))
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Fatalf("not a clean line: %q", err)
			}
			return
		}
		if strings.ContainsAny(b.FileName(), "/\\ \n") {
			t.Fatalf("file name %q", b.FileName())
		}
		first, err := Encode(b)
		if err != nil {
			t.Fatalf("accepted, but cannot be written: %v", err)
		}
		again, err := Decode(bytes.NewReader(first))
		if err != nil {
			t.Fatalf("accepted and written, but not accepted again: %v", err)
		}
		if second, err := Encode(again); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("two forms of one baseline: %v", err)
		}
	})
}
