package portability

import (
	"slices"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/exporter/severity"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

func TestTable(t *testing.T) {
	for from, edges := range siblings() {
		if !severity.Known(from) {
			t.Errorf("%s is no call", from)
		}
		for _, e := range edges {
			if e.relation == notNeeded {
				continue
			}
			if !severity.Known(e.to) {
				t.Errorf("%s leads to %s, which is no call", from, e.to)
			}
			if _, ok := syscalls.Number(syscalls.ABI(e.abi), e.to); e.abi != "" && !ok {
				t.Errorf("%s has no %s", e.abi, e.to)
			}
		}
	}
}

// TestNoStepUp: no call is more dangerous than the one that it was added for. What is
// limited to harmless arguments counts by its row nevertheless.
func TestNoStepUp(t *testing.T) {
	for from, edges := range siblings() {
		for _, e := range edges {
			if e.relation == refused || e.relation == notNeeded {
				continue
			}
			if a, b := severity.Of(from), severity.Of(e.to); b.Level > a.Level {
				t.Errorf("%s (%s) leads to %s (%s)", from, a.Level, e.to, b.Level)
			}
		}
	}
}

// TestRefusedAreWorse: a call that is answered ENOSYS and no more dangerous could be allowed.
func TestRefusedAreWorse(t *testing.T) {
	for from, edges := range siblings() {
		for _, e := range edges {
			if e.relation == refused && severity.Of(e.to).Level <= severity.Of(from).Level {
				t.Errorf("%s refuses %s without need", from, e.to)
			}
		}
	}
}

// TestNeverEnter: these must be seen, or they are not in the profile, whatever else is.
func TestNeverEnter(t *testing.T) {
	var seen []string
	for _, e := range severity.All() {
		if !e.Level.Dangerous() {
			seen = append(seen, e.Name)
		}
	}
	for _, abi := range syscalls.ABIs() {
		for _, a := range Close(seen, Arch, []string{string(abi)}).Added {
			if severity.Of(a.Name).Level.Dangerous() {
				t.Errorf("%s entered for %s on %s", a.Name, a.From, abi)
			}
		}
	}
	for _, name := range []string{"ptrace", "mount", "bpf", "unshare", "setns", "clone3", "io_uring_setup", "socket", "keyctl"} {
		for from, edges := range siblings() {
			if slices.ContainsFunc(edges, func(e edge) bool { return e.to == name && e.relation != refused }) {
				t.Errorf("%s leads to %s", from, name)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for row, want := range map[string]string{
		"libc\topen\t=\t-\twhy":                        "5 fields",
		"libc\topen\t=\t-\twhy\t":                      "none empty",
		"some\topen\t=\t-\twhy\tsource":                "level",
		"libc\topen\t?\tclose\twhy\tsource":            "relation",
		"libc\topen\t+\tz80/close\twhy\tsource":        "ABI",
		"libc\topen\t+\tclose?gently\twhy\tsource":     "condition",
		"#\nlibc\topen\t=\t-\twhy\tsource\nlibc\topen": "line 3",
	} {
		if _, err := parse(row); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", row, err, want)
		}
	}
}
