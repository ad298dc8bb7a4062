package layout_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// doctor tells which cgroups are used, what is missing, and whether this host can record: run is to do what it says.
func TestDoctor(t *testing.T) {
	_, want := layout(t)
	checks, code := doctor(t)
	for name, line := range want.doctor {
		if !strings.HasPrefix(checks[name], line) {
			t.Errorf("%s: %q, want %q", name, checks[name], line)
		}
	}
	if wantCode := map[bool]int{true: 0, false: 3}[want.refused == ""]; code != wantCode {
		t.Errorf("exit code %d, want %d: %v", code, wantCode, checks)
	}
}

// doctor returns the lines by their names: verdict, what was found, and the next step.
func doctor(t *testing.T, args ...string) (checks map[string]string, code int) {
	t.Helper()
	code, stdout, stderr := command(t, append([]string{"doctor", "--output", "json"}, args...)...)
	var report struct {
		Checks []struct{ Name, Verdict, Found, Next string }
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	checks = map[string]string{}
	for _, c := range report.Checks {
		checks[c.Name] = strings.TrimSuffix(c.Verdict+" "+c.Found+": "+c.Next, ": ")
	}
	return checks, code
}
