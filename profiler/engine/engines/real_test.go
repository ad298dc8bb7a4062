package engines_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/engine/engines"
)

// real is a running engine with one container.
type real struct {
	endpoint string
	want     engine.Container // but for what differs from host to host: see compare
	ref      engine.Ref       // what the cgroup's path tells
	glob     string           // of its name
	remove   func(t *testing.T)
}

// testReal finds the container in all the ways, and not when it is gone.
func testReal(t *testing.T, r *real) *engines.Set {
	ctx := patient(t)
	set, errs := engines.Open(ctx, []string{"unix://" + r.endpoint})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	t.Cleanup(func() { set.Close() })
	want := []engines.Endpoint{{Path: r.endpoint, Engine: r.want.Engine, Version: r.want.EngineVersion}}
	if diff := cmp.Diff(want, set.Endpoints()); diff != "" {
		t.Error(diff)
	}
	testList(t, ctx, set, &r.want)
	for _, pattern := range []string{r.want.Name, r.want.ID, r.want.ID[:12], r.glob} {
		found, err := set.Find(ctx, pattern)
		if err != nil || len(found) != 1 {
			t.Errorf("Find(%q): %d, %v", pattern, len(found), err)
			continue
		}
		compare(t, &r.want, &found[0])
	}
	testRef(t, ctx, set, r)
	r.remove(t)
	testGone(t, ctx, set, r)
	return set
}

func testList(t *testing.T, ctx context.Context, set *engines.Set, want *engine.Container) {
	t.Helper()
	list, err := set.List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if c.ID == want.ID && c.Name == want.Name && c.Running && c.Labels[label] == want.Labels[label] {
			return
		}
	}
	t.Errorf("List has no %+v: %+v", want, list)
}

func testRef(t *testing.T, ctx context.Context, set *engines.Set, r *real) {
	t.Helper()
	c, err := set.Container(ctx, engine.Ref{ID: r.want.ID})
	if err != nil {
		t.Fatal(err)
	}
	path := cgroup2(t, c.PID)
	ref, root, ok := engine.ParsePath(path)
	if !ok || ref != r.ref || root != path {
		t.Errorf("ParsePath(%q) = %+v, %q, %t, want %+v", path, ref, root, ok, r.ref)
	}
	if c.CgroupPath != "" && c.CgroupPath != path {
		t.Errorf("the engine says cgroup %s, the kernel %s", c.CgroupPath, path)
	}
	c, err = set.Container(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, &r.want, c)
}

func testGone(t *testing.T, ctx context.Context, set *engines.Set, r *real) {
	t.Helper()
	if c, err := set.Container(ctx, r.ref); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("after its end: %+v, %v", c, err)
	}
	for _, pattern := range []string{r.want.Name, r.want.ID, r.glob} {
		if found, err := set.Find(ctx, pattern); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("Find(%q) after its end: %+v, %v", pattern, found, err)
		}
	}
}

func compare(t *testing.T, want, got *engine.Container) {
	t.Helper()
	copied := *got
	if copied.PID == 0 {
		t.Error("no PID")
	}
	if len(copied.ImageDigest) != len("sha256:")+64 {
		t.Errorf("image digest %q", copied.ImageDigest)
	}
	copied.PID, copied.ImageDigest, copied.CgroupPath, copied.SpecFile, copied.SeccompJSON = 0, "", "", "", ""
	if diff := cmp.Diff(want, &copied); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
