package watch

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup/cgrouptest"
	"github.com/scallop-sec/scallop/profiler/life"
	"github.com/scallop-sec/scallop/profiler/recording"
)

func TestGuests(t *testing.T) {
	const pid, number = 7, 1
	in := profiler.Entrants{pid: number}
	for name, tc := range map[string]struct {
		looks []profiler.Entrants
		alive bool // at the last look
		kind  string
		want  string
	}{
		"stays":                       {[]profiler.Entrants{in, in, in}, true, recording.KindCgroup, "pid 7 (/bin/server) came in while it ran"},
		"stayed and ended":            {[]profiler.Entrants{in, in, in, nil}, false, recording.KindCgroup, "pid 7 (/bin/server) came in while it ran"},
		"made its execve":             {[]profiler.Entrants{in, in, in, nil}, true, recording.KindCgroup, ""},
		"a runtime's, for a moment":   {[]profiler.Entrants{in, in, nil}, false, recording.KindCgroup, ""},
		"of another workload":         {[]profiler.Entrants{{pid: 2}, {pid: 2}, {pid: 2}}, true, recording.KindCgroup, ""},
		"went on to another":          {[]profiler.Entrants{{pid: 2}, {pid: 2}, {pid: 2}, in, in, in}, true, recording.KindCgroup, "pid 7 "},
		"of a container, not started": {[]profiler.Entrants{in, in, in, in}, true, recording.KindContainer, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var g guests
			for i, inside := range tc.looks {
				g.look(inside, func(int) *process {
					if i == len(tc.looks)-1 && !tc.alive {
						return nil
					}
					return &process{exe: "/bin/server"}
				})
			}
			one := &workload{number: number, place: place{kind: tc.kind}, life: life.New(life.Options{})}
			got := strings.Join(g.reasons(one), "\n")
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
			g.forget(number)
			if left := g.reasons(one); left != nil {
				t.Errorf("left: %q", left)
			}
		})
	}
}

// A process that runs already and is moved in calls what no profile would have: the recording says that it is incomplete.
func TestMovedInWhileItRan(t *testing.T) {
	t.Parallel()
	c := cgrouptest.New(t)
	inCgroup(t, c, server...)
	moved := exec.Command(server[0], server[1:]...)
	if err := moved.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = moved.Process.Kill()
		_ = moved.Wait()
	})
	told := make(chan struct{}, 1000)
	r := record(t, Options{
		Targets: []Target{{Kind: Cgroup, Text: c.Path}}, Checkpoint: 100 * time.Millisecond,
		Save: func(_ Filename, r *recording.Recording, _ bool) (string, error) {
			if cameIn(r) {
				told <- struct{}{}
			}
			return "", nil
		},
	})
	if err := os.WriteFile(filepath.Join(c.Dir(), "cgroup.procs"), []byte(strconv.Itoa(moved.Process.Pid)), 0); err != nil {
		t.Fatal(err)
	}
	select {
	case <-told:
	case <-time.After(time.Minute):
		t.Error("no checkpoint tells of it")
	}
	one := r.stop().byName()[filepath.Base(c.Path)]
	if one == nil || one.Complete || !cameIn(one) {
		t.Errorf("recording %+v", one)
	}
}

func cameIn(r *recording.Recording) bool {
	return slices.ContainsFunc(r.Incomplete, func(reason string) bool { return strings.Contains(reason, "came in while it ran") })
}
