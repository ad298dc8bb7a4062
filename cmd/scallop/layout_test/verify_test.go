package layout_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// What a profile denies is seen, to the call.
func TestVerify(t *testing.T) {
	_, want := layout(t)
	verifyExactly(t, want.refused)
	if want.args != nil {
		verifyExactly(t, "", want.args...)
	}
}

// verifyExactly denies calls to a program that tells how many it makes, or wants that refused with code 3.
func verifyExactly(t *testing.T, refused string, args ...string) {
	t.Helper()
	program := hosttest.Program(t, "calls", "-static", "-pthread")
	profile := filepath.Join(t.TempDir(), "profile.json")
	text := `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["getppid"],"action":"SCMP_ACT_ERRNO","errnoRet":1}]}`
	if err := os.WriteFile(profile, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	args = slices.Concat([]string{"verify", "--output", "json"}, args, []string{profile, "--", program, fmt.Sprint(threads), fmt.Sprint(calls())})
	code, stdout, stderr := command(t, args...)
	if refused != "" {
		if code != 3 || !strings.Contains(stderr, refused) {
			t.Errorf("exit code %d, want 3 and %q: %s", code, refused, stderr)
		}
		return
	}
	var report struct {
		Denied     uint64
		Incomplete []string
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatalf("%v: exit code %d: %s", err, code, stderr)
	}
	if made := uint64(threads * calls()); code != 1 || report.Denied != made || len(report.Incomplete) > 0 {
		t.Errorf("exit code %d, %d denied of %d, incomplete %q: %s", code, report.Denied, made, report.Incomplete, stderr)
	}
}
