package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scallop-sec/scallop/profiler/cgroup/cgrouptest"
	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// engines knows some containers, or fails.
type engines struct {
	list []engine.Container
	err  error
	kind string // of the engine; empty: all
}

func (e *engines) Asks(kind string) bool { return e.kind == "" || e.kind == kind }

func (e *engines) Container(_ context.Context, ref engine.Ref) (*engine.Container, error) {
	if !e.Asks(ref.Engine) {
		return nil, errors.New("another engine's container is asked for")
	}
	found, err := e.those(func(c *engine.Container) bool { return c.ID == ref.ID })
	if err != nil {
		return nil, err
	}
	return &found[0], nil
}

func (e *engines) Find(_ context.Context, pattern string) ([]engine.Container, error) {
	return e.those(func(c *engine.Container) bool { return engine.Match(c, pattern) })
}

func (e *engines) FindPod(_ context.Context, namespace, pod, container string) ([]engine.Container, error) {
	return e.those(func(c *engine.Container) bool { return engine.MatchPod(c, namespace, pod, container) })
}

func (e *engines) FindLabels(_ context.Context, labels map[string]string) ([]engine.Container, error) {
	return e.those(func(c *engine.Container) bool { return engine.MatchLabels(c, labels) })
}

func (e *engines) those(mean func(*engine.Container) bool) ([]engine.Container, error) {
	var found []engine.Container
	for _, c := range e.list {
		if mean(&c) {
			found = append(found, c)
		}
	}
	if len(found) == 0 && e.err == nil {
		return nil, fmt.Errorf("looking: %w is running", engine.ErrNotFound)
	}
	return found, e.err
}

// ids are those of n containers.
func ids(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("%012x%052x", 0xabc0+i, i))
	}
	return list
}

// A container that is named by its cgroup, or by a process in it, has the name that its engine gives it.
func TestNamedByItsPlace(t *testing.T) {
	parent, id := cgrouptest.New(t), ids(2)
	known := &engines{list: []engine.Container{
		{ID: id[0], Name: "web", Engine: "docker", Image: "nginx", StopSignal: "SIGQUIT"}, {ID: id[1], Name: "db", Engine: "docker"},
	}}
	web, db := cgrouptest.Below(t, parent, "docker-"+id[0]+".scope"), cgrouptest.Below(t, parent, id[1])
	inCgroup(t, web, server...)
	cmd := inCgroup(t, db, server...)
	r := record(t, Options{Engines: known, Targets: []Target{{Kind: Cgroup, Text: web.Path}, {Kind: PID, Number: cmd.Process.Pid}}})
	r.until("both", func() bool { return r.saw(EventSyscall, "web", "")() && r.saw(EventSyscall, "db", "")() })
	all := r.ok().byName()
	if got := names(all); !slices.Equal(got, []string{"db", "web"}) {
		t.Fatalf("recordings of %v", got)
	}
	if c := all["web"].Workload.Container; c.Image != "nginx" || c.ID != id[0] || len(all["web"].Phases) != 1 {
		t.Errorf("%+v, phases %+v", c, all["web"].Phases)
	}
}

// IDs come from cgroups: who names one needs no engine for it.
func TestIDWithoutEngine(t *testing.T) {
	parent, id := cgrouptest.New(t), ids(1)[0]
	inCgroup(t, cgrouptest.Below(t, parent, id), server...)
	broken, other := &engines{err: errors.New("it answers nonsense: look at its log")}, &engines{}
	for name, test := range map[string]struct {
		opts  Options
		found bool
	}{
		"no engine":             {Options{}, true},
		"a broken one":          {Options{Engines: broken}, true},
		"another's":             {Options{Engines: other}, true},
		"a broken one, named":   {Options{Engines: broken, EnginesNamed: true}, true},
		"another's, named":      {Options{Engines: other, EnginesNamed: true}, false},
		"an ID that is no more": {Options{Root: cgrouptest.Below(t, parent, "empty").Path}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.opts.Root == "" {
				test.opts.Root = parent.Path
			}
			test.opts.Targets = []Target{{Kind: Container, Text: id[:12]}}
			r := record(t, test.opts)
			if !test.found {
				if r.wait(); r.err == nil || len(r.result.Missing) != 1 {
					t.Errorf("%v, %+v", r.err, r.result)
				}
				return
			}
			r.until("it", r.saw(EventSyscall, id[:12], ""))
			r.stop()
			if all := r.byName(); r.err != nil || len(r.result.Missing) > 0 || all[id[:12]] == nil {
				t.Errorf("%v, %+v, recordings of %v", r.err, r.result, names(all))
			}
			if want := test.opts.Engines == broken; (len(r.warnings) == 1 && strings.Contains(r.warnings[0], "is recorded under its ID: it answers nonsense")) != want || len(r.warnings) > 1 {
				t.Errorf("warnings %q", r.warnings)
			}
		})
	}
}

// A container whose cgroup tells that it is another engine's than those that the user named is not meant, even if these fail.
func TestAnotherEnginesContainers(t *testing.T) {
	parent, id := cgrouptest.New(t), ids(2)
	r := record(t, Options{
		Engines: &engines{err: errors.New("it is gone: start it"), kind: engine.Containerd}, EnginesNamed: true, Root: parent.Path, Wait: true,
		Targets: []Target{{Kind: Container, Text: "web"}},
	})
	for _, name := range []string{"docker-" + id[0] + ".scope", "cri-containerd-" + id[1] + ".scope"} {
		if err := brief(parent, name, ways["clone3"]); err != nil {
			t.Fatal(err)
		}
	}
	r.until("its recording", r.saw(EventEnd, id[1][:12], ""))
	r.stop()
	if got := names(r.byName()); !slices.Equal(got, []string{id[1][:12]}) || strings.Contains(fmt.Sprint(r.warnings), "another engine's") {
		t.Errorf("recordings of %v, warnings %q", got, r.warnings)
	}
}

// What is excluded is left out of every target, before and after the begin.
func TestExcludeFromTargets(t *testing.T) {
	parent, id := cgrouptest.New(t), ids(4)
	known := &engines{}
	for i, name := range []string{"web", "skip", "web-late", "skip-late"} {
		known.list = append(known.list, engine.Container{ID: id[i], Name: name, Engine: "docker"})
	}
	opts := Options{Engines: known, Root: parent.Path, Exclude: []string{"skip*"}, Targets: []Target{{Kind: Container, Text: "*"}}}
	for _, one := range id[:2] {
		inCgroup(t, cgrouptest.Below(t, parent, one), server...)
	}
	waiting := opts
	waiting.Wait = true
	r := record(t, waiting)
	for _, one := range id[2:] {
		if err := inCgroup(t, cgrouptest.Below(t, parent, one), "/bin/true").Wait(); err != nil {
			t.Fatal(err)
		}
	}
	r.until("the late one", r.saw(EventWorkload, "web-late", ""))
	r.until("calls of the other", r.saw(EventSyscall, "web", ""))
	if got := names(r.ok().byName()); !slices.Equal(got, []string{"web", "web-late"}) {
		t.Errorf("recordings of %v", got)
	}
	opts.Targets = []Target{{Kind: Container, Text: "skip"}}
	if r := record(t, opts).wait(); r.err == nil || !strings.Contains(r.err.Error(), "container skip: --exclude leaves out all that it means") {
		t.Errorf("all that was named is excluded: %v", r.err)
	}
}

// A container that is gone between the list and the look at its cgroup, or that has none below the mount, is said so.
func TestListedWithoutACgroup(t *testing.T) {
	parent, id := cgrouptest.New(t), ids(3)
	known := &engines{list: []engine.Container{
		{ID: id[0], Name: "web", Engine: "docker"}, {ID: id[1], Name: "gone", Engine: "docker"}, {ID: id[2], Name: "pause", Sandbox: true},
	}}
	inCgroup(t, cgrouptest.Below(t, parent, id[0]), server...)
	r := record(t, Options{Engines: known, Root: parent.Path, Targets: []Target{
		{Kind: Container, Text: "web"}, {Kind: Container, Text: "gone"}, {Kind: Container, Text: id[2]},
	}})
	r.until("the other", r.saw(EventSyscall, "web", ""))
	r.stop()
	if r.err != nil || len(r.result.Missing) != 2 || r.result.Recordings != 1 {
		t.Errorf("%v, %+v", r.err, r.result)
	}
	for i, want := range []string{"container gone: its cgroup is not below ", "no such container but the sandbox of a pod"} {
		if len(r.warnings) != 2 || !strings.Contains(r.warnings[i], want) {
			t.Errorf("warnings %q, want %q", r.warnings, want)
		}
	}
	if one := r.byName()["web"]; one == nil || one.Workload.Kind != recording.KindContainer {
		t.Errorf("%+v", one)
	}
}
