package recording

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sameEitherWay wants both ways of reading to see the same recording or the same error.
func sameEitherWay(t *testing.T, data []byte) {
	t.Helper()
	fast, fastErr := Decode(bytes.NewReader(data))
	slow, slowErr := decodeAny(bytes.NewReader(data))
	switch {
	case (fastErr == nil) != (slowErr == nil):
		t.Fatalf("fast: %v, slow: %v", fastErr, slowErr)
	case fastErr != nil && fastErr.Error() != slowErr.Error():
		t.Fatalf("errors differ:\n%v\n%v", fastErr, slowErr)
	}
	if diff := cmp.Diff(slow, fast); diff != "" {
		t.Fatal(diff)
	}
}

func TestDecodeTakesTheFastWayForWhatEncodeWrites(t *testing.T) {
	real, err := os.ReadFile("../../testdata/recordings/nginx.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"sample": encoded(t), "nginx": real} {
		if decodeFast(data) == nil {
			t.Errorf("%s is read the slow way", name)
		}
		sameEitherWay(t, data)
	}
}

func TestDecodeIsTheSameInOtherForms(t *testing.T) {
	good := string(encoded(t))
	for name, edit := range map[string][2]string{
		"an escape":              {`"comm": "nginx"`, `"comm": "ngin\u0078"`},
		"a broken byte":          {`"comm": "nginx"`, "\"comm\": \"ngin\xff\""},
		"a control character":    {`"comm": "nginx"`, "\"comm\": \"ngin\x01\""},
		"another case":           {`"total"`, `"Total"`},
		"a key twice":            {`"nr": 0,`, `"nr": 0, "nr": 0,`},
		"a phase twice":          {`"steady": {`, `"steady": {"count": 1}, "steady": {`},
		"another phase's case":   {`"steady": {`, `"Steady": {"count": 1}, "steady": {`},
		"null phases":            {`"phases": {`, `"phases": null, "x": {`},
		"an unknown key":         {`"nr": 0,`, `"nr": 0, "mood": 1,`},
		"a leading zero":         {`"nr": 0,`, `"nr": 00,`},
		"minus zero":             {`"nr": 0,`, `"nr": -0,`},
		"a fraction":             {`"nr": 0,`, `"nr": 0.0,`},
		"an exponent":            {`"total": 7,`, `"total": 7e0,`},
		"too large a number":     {`"total": 7,`, `"total": 18446744073709551616,`},
		"too large an offset":    {`"offsetNs": 20`, `"offsetNs": 9223372036854775808`},
		"a string for a number":  {`"nr": 0,`, `"nr": "0",`},
		"a NUL before a number":  {`"nr": 0,`, "\"nr\": \x000,"},
		"the list twice":         {`"syscalls": [`, `"syscalls": [], "syscalls": [`},
		"the list by other case": {`"syscalls": [`, `"Syscalls": [], "syscalls": [`},
		"no list":                {`"syscalls": [`, `"syscalls": null, "x": [`},
		"a comma too many":       {`"syscalls": [`, `"syscalls": [,`},
		"the list inside":        {`"workload": {`, `"workload": {"syscalls": [],`},
		"more behind":            {"]\n}\n", "]\n}\n{}"},
		"a key behind":           {"]\n}\n", "], \"tool\": \"x\"}\n"},
		"a backslash at the end": {"]\n}\n", "]\n}\n\"\\"},
		"a wrong sum":            {`"total": 9`, `"total": 8`},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(good, edit[0]) {
				t.Fatalf("the sample has no %s", edit[0])
			}
			sameEitherWay(t, []byte(strings.Replace(good, edit[0], edit[1], 1)))
		})
	}
	for i := range good {
		if i%97 == 0 {
			sameEitherWay(t, []byte(good[:i]))
		}
	}
}

func TestDecodeFastReadsLittleOfWhatIsNone(t *testing.T) {
	raw, rest := readFast(io.MultiReader(strings.NewReader("{"), io.LimitReader(letters{}, 1<<30)))
	if raw != nil {
		t.Errorf("%d bytes are whole", len(raw))
	}
	n, err := io.Copy(io.Discard, io.LimitReader(rest, 2*maxFast))
	if n != 2*maxFast || err != nil {
		t.Errorf("%d bytes remain: %v", n, err)
	}
	broken := errors.New("disk on fire")
	_, rest = readFast(io.MultiReader(strings.NewReader("{"), errReader{broken}))
	if text, err := io.ReadAll(rest); string(text) != "{" || !errors.Is(err, broken) {
		t.Errorf("got %q, %v", text, err)
	}
}

// FuzzDecodeFast: the fast way is the slow way, only faster.
func FuzzDecodeFast(f *testing.F) {
	addSeeds(f)
	f.Fuzz(sameEitherWay)
}
