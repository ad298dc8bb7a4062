package recording

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// zeros is an endless file of zero bytes that counts what was read of it.
type zeros struct{ read int64 }

func (z *zeros) Read(p []byte) (int, error) {
	clear(p)
	z.read += int64(len(p))
	return len(p), nil
}

func encoded(t *testing.T) []byte {
	t.Helper()
	data, err := Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDecodeErrors(t *testing.T) {
	good := string(encoded(t))
	for _, tc := range []struct{ name, input, want string }{
		{"empty", "", "the file is empty: give a file"},
		{"only spaces", " \n\t", "the file is empty"},
		{"truncated", good[:len(good)/2], "it is truncated: copy it again"},
		{"truncated at the last brace", strings.TrimRight(good, "}\n"), "it is truncated"},
		{"garbage", "\x7fELF\x02\x01", "not even JSON"},
		{"garbage in the middle", good[:200] + "\x00\x01" + good[200:], "not even JSON"},
		{"a list", "[1]", "not a recording but another JSON value"},
		{"null", "null", "not a recording but another JSON value"},
		{"a string", `"scallop/v1"`, "not a recording but another JSON value"},
		{"another object", `{"a":1}`, "apiVersion or kind is missing"},
		{"a profile", `{"defaultAction":"SCMP_ACT_ERRNO"}`, "a seccomp profile, not a recording"},
		{"another kind", strings.Replace(good, `"Recording"`, `"Profile"`, 1), `a "Profile", not a Recording`},
		{"a kind that is a number", strings.Replace(good, `"Recording"`, `7`, 1), `a "7", not a Recording`},
		{"newer", strings.Replace(good, "scallop/v1", "scallop/v2", 1), "update scallop"},
		{"another program's", strings.Replace(good, "scallop/v1", "apps/v1", 1), `its apiVersion is "apps/v1"`},
		{"an unknown field", strings.Replace(good, `"tool"`, `"mood"`, 1), `unknown field "mood"`},
		{"a wrong type", strings.Replace(good, `"durationNs": 900`, `"durationNs": "900"`, 1), "field durationNs cannot be a JSON string"},
		{"a negative count", strings.Replace(good, `"total": 9`, `"total": -9`, 1), "total cannot be a JSON number"},
		{"a key twice", strings.Replace(good, `"tool": "devel"`, `"tool": "devel", "TOOL": "x"`, 1), `key "tool" occurs twice`},
		{"two recordings", good + good, "more data follows the end of the recording"},
		{"deep nesting", strings.Repeat("[", 1<<20), "not even JSON"},
		{"deep nesting inside", strings.Replace(good, `"devel"`, strings.Repeat(`{"a":`, 1<<16)+"1"+strings.Repeat("}", 1<<16), 1), "not even JSON"},
		{"control characters", `{"apiVersion":"scallop/v1","kind":"\u001b[31m\n"}`, `a "\x1b[31m\x0a", not`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Decode(strings.NewReader(tc.input))
			checkError(t, err, tc.want)
		})
	}
}

// checkError wants one short line that contains want.
func checkError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil:
		t.Fatal("no error")
	case !strings.Contains(err.Error(), want):
		t.Errorf("error %q does not contain %q", err, want)
	case strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 300:
		t.Errorf("error is not one short clean line: %q", err)
	}
}

func TestDecodeFailsFastOnZeros(t *testing.T) {
	z := &zeros{}
	_, err := Decode(io.LimitReader(z, 1<<30))
	checkError(t, err, "not even JSON")
	if z.read > 1<<20 {
		t.Errorf("read %d bytes to find out", z.read)
	}
}

func TestDecodeIsBounded(t *testing.T) {
	// The longest possible way to say nothing: one string without an end.
	input := io.MultiReader(strings.NewReader(`{"a":"`), io.LimitReader(letters{}, 1<<30))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Decode(input)
	runtime.ReadMemStats(&after)
	checkError(t, err, "larger than the 64 MiB")
	if grown := after.HeapSys - before.HeapSys; after.HeapSys > before.HeapSys && grown > 8*MaxSize {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	_, err = Decode(io.LimitReader(spaces{}, 1<<30))
	checkError(t, err, "larger than the 64 MiB")
}

type letters struct{}

func (letters) Read(p []byte) (int, error) { return fill(p, 'a'), nil }

type spaces struct{}

func (spaces) Read(p []byte) (int, error) { return fill(p, ' '), nil }

func fill(p []byte, c byte) int {
	for i := range p {
		p[i] = c
	}
	return len(p)
}

func TestDecodePassesReadErrors(t *testing.T) {
	broken := errors.New("disk on fire")
	_, err := Decode(io.MultiReader(strings.NewReader(`{"a"`), errReader{broken}))
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// addSeeds adds small ones only: the fuzzer shrinks what it finds byte by byte.
func addSeeds(f *testing.F) {
	f.Helper()
	seeds, err := filepath.Glob("testdata/seeds/*")
	if err != nil || len(seeds) == 0 {
		f.Fatal("no seeds in testdata:", err)
	}
	for _, seed := range seeds {
		data, err := os.ReadFile(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// FuzzDecode: no input panics, and what is accepted has one canonical form.
func FuzzDecode(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Decode(bytes.NewReader(data))
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("error of two lines: %q", err)
			}
			return
		}
		first, err := Encode(r)
		if err != nil {
			t.Fatalf("accepted, but cannot be written: %v", err)
		}
		again, err := Decode(bytes.NewReader(first))
		if err != nil {
			t.Fatalf("accepted and written, but not accepted again: %v", err)
		}
		second, err := Encode(again)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("two forms of one recording: %v", err)
		}
	})
}
