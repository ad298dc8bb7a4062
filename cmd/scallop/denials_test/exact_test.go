package denials_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/cgroup/cgrouptest"
	"github.com/scallop-sec/scallop/profiler/denials/report"
	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// counts are how often each call was denied.
type counts map[string]uint64

func (c counts) add(d *report.Denial, n uint64) { c[fmt.Sprintf("%s %d", d.ABI, d.Nr)] += n }

// told reads what the program prints: a line for each, "ABI NUMBER COUNT".
func told(t *testing.T, text string) counts {
	t.Helper()
	want := counts{}
	for line := range strings.Lines(text) {
		var d report.Denial
		var n uint64
		if _, err := fmt.Sscan(line, &d.ABI, &d.Nr, &n); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		want.add(&d, n)
	}
	return want
}

// 20 calls of two ABIs under every action of filters, threaded and forking: the log and the report have each denial once, and
// nothing else.
func TestExact(t *testing.T) {
	testExact(t, hosttest.Program(t, "denied", "-static", "-pthread"))
}

// The same of a 32-bit program, which the kernel enters in other ways.
func TestExact32(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the program is for x86")
	}
	testExact(t, hosttest.Program32(t, "denied32", "-static", "-pthread"))
}

// audited actions write a record each, which must not come too fast (see denied.c): one test at a time.
var audited = []string{report.KillThread, report.KillProcess, report.Log}

func testExact(t *testing.T, program string) {
	for name, test := range map[string]struct {
		args   []string
		action string
		ret    int64 // 0: nothing
	}{
		"errno":            {[]string{"errno", "4", "4", "20"}, report.Errno, -1},
		"trap":             {[]string{"trap", "4", "4", "10"}, report.Trap, 0},
		"kill the thread":  {[]string{"thread", "20", "4", "1"}, report.KillThread, 0},
		"kill the process": {[]string{"process", "80", "1", "1"}, report.KillProcess, 0},
		"log":              {[]string{"log", "2", "4", "5"}, report.Log, 0},
		"trace":            {[]string{"trace", "2", "4", "5"}, report.Trace, -1},
		"allow":            {[]string{"allow", "20", "4", "5"}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if !slices.Contains(audited, test.action) {
				t.Parallel()
			}
			c := cgrouptest.New(t)
			w := watch(t, "--cgroup", c.Path, "--settle", "0")
			var text strings.Builder
			cmd := in(t, c, &text, append([]string{program}, test.args...)...)
			if err := cmd.Wait(); err != nil {
				t.Errorf("the program: %v", err)
			}
			r, code := w.end(t)
			want := told(t, text.String())
			if got := logged(w.events(t)); !maps.Equal(got, want) {
				t.Errorf("logged %v\nthe program was denied %v", got, want)
			}
			if got := reported(t, r, filepath.Base(c.Path), filepath.Base(program), test.action, test.ret); !maps.Equal(got, want) {
				t.Errorf("reported %v\nthe program was denied %v", got, want)
			}
			if wantCode := min(1, len(want)); code != wantCode || !r.Complete {
				t.Errorf("exit code %d, %v\n%s", code, r.Incomplete, &w.stderr)
			}
		})
	}
}

func logged(events []event) counts {
	got := counts{}
	for _, e := range events {
		if e.Event == "denied" {
			got.add(e.Denial, e.More)
		}
	}
	return got
}

// reported are those of a report of one workload, every one of them with that action.
func reported(t *testing.T, r *report.Report, name, program, action string, ret int64) counts {
	t.Helper()
	got := counts{}
	for _, w := range r.Workloads {
		if w.Name != name {
			t.Errorf("denied to %q", w.Name)
		}
		for _, d := range w.Denials {
			got.add(&d, d.Count)
			if d.Action != action || d.Phase != "startup" || d.Name == "" || d.Who.Comm != program || d.Who.PID == 0 || filepath.Base(d.Who.Exe) != program {
				t.Errorf("%+v", d)
			}
			if returned := d.Return; (returned == nil) != (ret == 0) || returned != nil && *returned != ret {
				t.Errorf("it does not return %d: %+v", ret, d)
			}
		}
	}
	return got
}
