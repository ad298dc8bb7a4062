package verify_test

import (
	"encoding/json"
	"os"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// small is a workload of files and processes: about 50 different calls.
var small = []string{"sh", "-c", `set -e; d=$(mktemp -d); trap 'rm -r "$d"' EXIT
	echo one >"$d/a"; mkdir "$d/b"; cat "$d/a" | sort >"$d/b/c"; mv "$d/a" "$d/b/a"; chmod 600 "$d/b/a"
	ls -l "$d/b" >/dev/null; ln -s a "$d/b/l"; readlink "$d/b/l" >/dev/null; sleep 0.01; kill -0 $$; touch "$d/b/a"; wc -l <"$d/b/c" >/dev/null`}

// profileJSON is Docker's format, as far as a call is taken out of it.
type profileJSON map[string]any

func readJSON(t *testing.T, path string) profileJSON {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var p profileJSON
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// names are all that the profile allows.
func (p profileJSON) names() []string {
	var names []string
	for _, rule := range p["syscalls"].([]any) {
		for _, name := range rule.(map[string]any)["names"].([]any) {
			names = append(names, name.(string))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// without writes the profile less one call.
func (p profileJSON) without(t *testing.T, path, call string) string {
	t.Helper()
	less := readJSON(t, path)
	var rules []any
	for _, rule := range less["syscalls"].([]any) {
		r := rule.(map[string]any)
		names := slices.DeleteFunc(r["names"].([]any), func(name any) bool { return name == call })
		if len(names) > 0 {
			r["names"] = names
			rules = append(rules, r)
		}
	}
	less["syscalls"] = rules
	data, err := json.Marshal(less)
	if err != nil {
		t.Fatal(err)
	}
	return written(t, string(data))
}

// observed are the names of all calls in the recording that the workload itself made.
func observed(t *testing.T, path string) []string {
	t.Helper()
	var rec struct {
		Syscalls []struct {
			Name   string
			Phases map[string]any
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &rec); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range rec.Syscalls {
		delete(s.Phases, "setup")
		if len(s.Phases) > 0 {
			names = append(names, s.Name)
		}
	}
	return names
}

// Each call that the workload was seen to make, and the execve that starts it, is missed when the profile lacks it.
func TestEachCallRemoved(t *testing.T) {
	hosttest.Tools(t)
	rec := recorded(t, append([]string{"--"}, small...)...)
	profile := exported(t, rec, "--portability", "none")
	verify(t, append([]string{"--recording", rec, profile, "--"}, small...)...).nothing(t)
	p := readJSON(t, profile)
	calls := append(observed(t, rec), "execve")
	slices.Sort(calls)
	calls = slices.Compact(calls)
	var caught atomic.Int32
	t.Run("calls", func(t *testing.T) {
		for _, call := range calls {
			t.Run(call, func(t *testing.T) {
				t.Parallel()
				if !slices.Contains(p.names(), call) {
					t.Error("it was observed and is not in the profile")
				}
				r := verify(t, append([]string{"--name", "without-" + call, p.without(t, profile, call), "--"}, small...)...)
				if r.code != 1 || len(r.of(call)) == 0 {
					t.Fatalf("it was removed and not caught: %s", r)
				}
				caught.Add(1)
			})
		}
	})
	t.Logf("%d of %d removed calls were caught", caught.Load(), len(calls))
}

// A profile without execve cannot start anything, whatever it does instead.
func TestNoExecve(t *testing.T) {
	hosttest.Tools(t)
	for action, want := range map[string]string{errno: "errno", killThread: "kill_thread", killProcess: "kill_process", trap: "trap"} {
		r := verify(t, allowBut(t, "execve", action), "--", "true")
		list := r.of("execve")
		if r.code != 1 || len(list) != 1 || list[0].Action != want || list[0].Count != 1 || list[0].Phase != "handover" {
			t.Errorf("%s: %s", action, r)
		}
		if r.Started {
			t.Errorf("%s: the command is said to have started", action)
		}
	}
	r := verify(t, "--log-only", allowBut(t, "execve", errno), "--", "true")
	if list := r.of("execve"); len(list) != 1 || list[0].Count != 1 || list[0].Phase != "handover" || !r.Started || len(r.Denials) != 1 {
		t.Errorf("--log-only: %s", r)
	}
}
