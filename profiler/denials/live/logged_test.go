package live

import (
	"os"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/audit/audittest"
	"github.com/scallop-sec/scallop/profiler/hosttest"
)

// What was logged before the end is not missed because scallop was slow to read it.
func TestLoggedSlowly(t *testing.T) {
	hosttest.Root(t)
	audittest.Start(t) // or this host has no audit records at all
	const workload, calls = 7, 5
	slow := true
	l, err := hear(func(pid int) (int, bool) {
		if pid != os.Getpid() {
			return 0, false
		}
		if slow {
			time.Sleep(2 * quiet)
		}
		slow = false
		return workload, true
	})
	if err != nil {
		t.Fatal(err)
	}
	for range calls {
		audittest.DenyOneCall(t)
	}
	l.close()
	if got := l.drain(func(number int) bool { return number == workload }); len(got) != calls || l.missing() > 0 {
		t.Errorf("%d of %d, and %d are said to be missing", len(got), calls, l.missing())
	}
}
