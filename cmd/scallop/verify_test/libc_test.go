package verify_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// compiled builds testdata/portable.c, linked dynamically.
func compiled(t *testing.T, compiler, debianPackage string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "portable")
	run(t, hosttest.Tool(t, compiler, debianPackage), "-O1", "-pthread", "-o", out, "testdata/portable.c")
	return out
}

// A profile that was recorded with one C library lets the same program, built against the other, run, because the closure
// adds the calls that do the same there. Without the closure it does not.
func TestOtherLibc(t *testing.T) {
	hosttest.Tools(t, "gcc", "gcc", "musl-gcc", "musl-tools")
	glibc, musl := compiled(t, "gcc", "gcc"), compiled(t, "musl-gcc", "musl-tools")
	for name, test := range map[string]struct{ from, to string }{
		"glibc to musl": {glibc, musl},
		"musl to glibc": {musl, glibc},
	} {
		t.Run(name, func(t *testing.T) {
			rec := recorded(t, "--", test.from, t.TempDir())
			r := verify(t, exported(t, rec), "--", test.to, t.TempDir())
			r.nothing(t)
			if r.stdout != "all of it works\n" {
				t.Errorf("%q\n%s", r.stdout, r)
			}
			for _, d := range r.Answered {
				if d.Name != "clone3" {
					t.Errorf("answered: %+v", d)
				}
			}
			without := verify(t, exported(t, rec, "--portability", "none"), "--", test.to, t.TempDir())
			var names []string
			for _, d := range without.Denials {
				names = append(names, d.Name)
			}
			if without.code != 1 || len(names) == 0 {
				t.Errorf("without the closure nothing is denied: this test shows nothing:\n%s", without)
			}
			t.Logf("denied without the closure: %s", strings.Join(names, " "))
		})
	}
}
