package denials_test

import (
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/cgroup/cgrouptest"
	"github.com/scallop-sec/scallop/profiler/hosttest"
)

var load = flag.Duration("load", 2*time.Second, "how long TestNoFalseDenials loads the machine")

// Full load, without any filter and under filters that allow all: fork storms, threads, signals, execs, filters that come
// and go, and strace on one of the processes. Nothing was denied, and nothing was missed.
func TestNoFalseDenials(t *testing.T) {
	strace := hosttest.Tool(t, "strace", "strace")
	forks := hosttest.Program(t, "forks", "-static")
	calls := hosttest.Program(t, "calls", "-static", "-pthread")
	denied := hosttest.Program(t, "denied", "-static", "-pthread")
	c := cgrouptest.New(t)
	w := watch(t, "--cgroup", c.Path)
	var output strings.Builder
	busy := in(t, c, &output, "/bin/sh", "-ec", fmt.Sprintf(`
		loop() { while :; do "$@" >/dev/null || exit 1; done; }
		loop %[1]s 40 50 3 &
		loop %[2]s 8 2000 &
		loop %[3]s allow 8 4 20 &
		loop sh -c 'trap : USR1; for i in 1 2 3 4 5 6 7 8 9; do kill -USR1 $$; /bin/true; done' &
		loop %[4]s -f -o /dev/null %[1]s 4 20 2 &
		loop %[4]s -f -o /dev/null %[3]s allow 2 2 2 &
		wait`, forks, calls, denied, strace))
	time.Sleep(*load)
	events := strings.Count(w.text(), `"event":"denied"`)
	r, code := w.end(t)
	if code != 0 || len(r.Workloads) != 0 || !r.Complete || events != 0 {
		t.Errorf("exit code %d, %d events, %v: %+v\n%s", code, events, r.Incomplete, r.Workloads, &w.stderr)
	}
	if busy.ProcessState != nil || output.Len() != 0 {
		t.Errorf("the load ended: %s", &output)
	}
	t.Logf("%s of load, report from %s to %s: %d denials, losses %v", *load, r.StartedAt.Format(time.TimeOnly), r.EndedAt.Format(time.TimeOnly), events, r.Losses)
	ended := exec.Command("cat", filepath.Join(c.Dir(), "cgroup.procs"))
	if out, err := ended.Output(); err != nil || len(out) == 0 {
		t.Errorf("nothing runs any more: %v", err)
	}
}
