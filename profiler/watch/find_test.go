package watch

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/cgroup/cgrouptest"
	"github.com/scallop-sec/scallop/profiler/engine"
)

// found is what Find lists, without what the machine runs besides.
func found(t *testing.T, root *cgroup.Cgroup, targets ...Target) (names []string, pids [][]int) {
	t.Helper()
	list, missing, err := Find(t.Context(), Options{Targets: targets, Root: root.Path, Warn: func(format string, args ...any) { t.Errorf(format, args...) }})
	if err != nil || len(missing) > 0 {
		t.Fatal(missing, err)
	}
	for _, one := range list {
		procs, err := one.Procs()
		if err != nil {
			t.Fatal(err)
		}
		names, pids = append(names, one.Kind+" "+one.Name), append(pids, procs)
	}
	return names, pids
}

// Each workload once, with the processes that are its own: a container in a unit is not the unit's.
func TestFind(t *testing.T) {
	parent := cgrouptest.New(t)
	unit := cgrouptest.Below(t, parent, "web.service")
	plain := cgrouptest.Below(t, unit, "worker")
	nested := cgrouptest.Below(t, unit, "docker-"+containerID+".scope")
	below := cgrouptest.Below(t, nested, "below")
	cgrouptest.Below(t, parent, "empty")
	pid := map[*cgroup.Cgroup]int{}
	for _, c := range []*cgroup.Cgroup{unit, plain, nested, below} {
		pid[c] = inCgroup(t, c, server...).Process.Pid
	}
	sorted := func(pids ...int) []int { slices.Sort(pids); return pids }
	names, pids := found(t, parent, Target{Kind: All})
	if want := []string{"unit web.service", "container " + containerID[:12]}; !slices.Equal(names, want) {
		t.Fatalf("%q, want %q", names, want)
	}
	got := fmt.Sprint(withoutChildren(pids))
	if want := fmt.Sprint([][]int{sorted(pid[unit], pid[plain]), sorted(pid[nested], pid[below])}); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	names, pids = found(t, parent, Target{Kind: Cgroup, Text: unit.Path})
	if got := fmt.Sprint(withoutChildren(pids)); len(names) != 1 || got != fmt.Sprint([][]int{sorted(pid[unit], pid[plain], pid[nested], pid[below])}) {
		t.Errorf("%q %s", names, got)
	}
	names, pids = found(t, parent, Target{Kind: PID, Number: pid[plain]})
	if got := fmt.Sprint(withoutChildren(pids)); len(names) != 1 || names[0] != "cgroup worker" || got != fmt.Sprint([][]int{{pid[plain]}}) {
		t.Errorf("%q %s", names, got)
	}
}

// withoutChildren leaves the servers: each has a sleep that comes and goes.
func withoutChildren(lists [][]int) [][]int {
	for i, pids := range lists {
		lists[i] = slices.DeleteFunc(pids, func(pid int) bool {
			p := readProcess(pid)
			return p == nil || filepath.Base(p.exe) == "sleep" || slices.Contains(pids, p.parent)
		})
	}
	return lists
}

// What is not there is said, and the rest is found all the same.
func TestFindMissing(t *testing.T) {
	parent := cgrouptest.New(t)
	inCgroup(t, parent, server...)
	list, missing, err := Find(t.Context(), Options{Targets: []Target{
		{Kind: Unit, Text: "no-such-unit"}, {Kind: Cgroup, Text: parent.Path}, {Kind: Container, Text: "web"}, {Kind: PID, Number: 1 << 22},
	}})
	if err != nil || len(list) != 1 || list[0].Root.Path != parent.Path || len(missing) != 3 {
		t.Errorf("%+v, %v, %v", list, missing, err)
	}
}

// silent is an engine that is waited for in vain.
type silent struct {
	engines
	asked int
}

func (s *silent) Container(ctx context.Context, ref engine.Ref) (*engine.Container, error) {
	s.asked++
	if until, ok := ctx.Deadline(); !ok || time.Until(until) > engine.Patience {
		return nil, errors.New("it is to be waited for, though not for ever")
	}
	return nil, context.DeadlineExceeded
}

// An engine that lets a user wait in vain does so once, however many containers it has.
func TestFindSilentEngine(t *testing.T) {
	parent, id, mute := cgrouptest.New(t), ids(3), &silent{}
	for _, one := range id {
		inCgroup(t, cgrouptest.Below(t, parent, "docker-"+one+".scope"), server...)
	}
	var warnings []string
	list, missing, err := Find(t.Context(), Options{Targets: []Target{{Kind: All}}, Root: parent.Path, Engines: mute,
		Warn: func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }})
	if err != nil || len(missing) > 0 || len(list) != len(id) || mute.asked != 1 {
		t.Errorf("%+v, %v, %v, asked %d times", list, missing, err, mute.asked)
	}
	if len(warnings) != len(id) || !strings.Contains(warnings[2], context.DeadlineExceeded.Error()) {
		t.Errorf("%q", warnings)
	}
}
