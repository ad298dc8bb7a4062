package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Found is a workload that runs now, and that a target means.
type Found struct {
	Name      string            // of its container or its cgroup: it may hold anything
	Kind      string            // as recording.Workload
	Ref       engine.Ref        // of a container
	Container *engine.Container // what its engine knows; nil if nothing
	Target    Target            // the first that means it
	Root      cgroup.Cgroup
	// parts are the cgroups that belong to it; nil: the root with all below it.
	parts []cgroup.Cgroup
}

// Find lists the workloads that the targets mean now, in the order of their cgroups. Nothing is recorded. Of the options it reads Targets,
// Root, Exclude, Engines and Warn. Missing says of each target that was not found why.
func Find(ctx context.Context, opts Options) (list []Found, missing []error, err error) {
	w := &watch{opts: opts}
	if w.mount, err = cgroup.FindMount(); err != nil {
		return nil, nil, err
	}
	w.targets = resolve(ctx, opts, w.mount)
	f := &finder{watch: w, ctx: ctx, silent: map[string]error{}}
	root := cmp.Or(opts.Root, "/")
	if err := f.tree(root, cgroup.Plain, true); err != nil {
		return nil, nil, err
	}
	for _, t := range w.targets {
		if t.path != "" && !t.found && !within(t.path, root) {
			if err := f.tree(t.path, cgroup.Plain, false); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, t := range w.targets {
		if !t.found && t.Kind != All {
			missing = append(missing, t.missing(w.mount))
		}
	}
	return f.list, missing, nil
}

// finder walks where adopt does.
type finder struct {
	*watch
	ctx  context.Context
	list []Found
	// silent are the engines that let a user wait in vain, and what came of it: they are not asked again.
	silent map[string]error
}

// tree finds the workloads at and below a cgroup that belongs to none.
func (f *finder) tree(path string, parent cgroup.Class, top bool) error {
	if _, err := os.Stat(filepath.Join(f.mount.Path, path)); errors.Is(err, fs.ErrNotExist) {
		if top {
			return fmt.Errorf("looking into cgroup %s: there is none: look for it below %s", path, f.mount.Path)
		}
		return nil
	}
	class, p := classAt(path, parent, top), placeOf(f.opts.Root, path)
	t := f.meant(p, class, top)
	if t == nil {
		return f.below(path, func(child string) error {
			if !f.mayHold(child) {
				return nil
			}
			return f.readable(child, f.tree(child, class, false))
		})
	}
	class = widened(p, class, t)
	found := Found{Kind: p.kind, Name: p.name(), Ref: p.ref, Target: t.Target, Root: cgroup.Cgroup{Mount: f.mount, Path: path}}
	f.describe(&found, t)
	f.find(p)
	at := len(f.list)
	f.list = append(f.list, found)
	parts := []cgroup.Cgroup{found.Root}
	if err := f.inside(path, class, &parts); err != nil {
		return err
	}
	if class != cgroup.Whole {
		f.list[at].parts = parts
	}
	return nil
}

// inside collects the cgroups that belong to a workload, and finds the workloads below it that do not.
func (f *finder) inside(path string, class cgroup.Class, parts *[]cgroup.Cgroup) error {
	return f.below(path, func(child string) error {
		if !cgroup.JoinsParent(class, cgroup.ClassOf(filepath.Base(child))) {
			return f.readable(child, f.tree(child, class, false))
		}
		f.find(placeOf(f.opts.Root, child)) // a target that is looked at with this one
		*parts = append(*parts, cgroup.Cgroup{Mount: f.mount, Path: child})
		return f.inside(child, class, parts)
	})
}

// readable warns of a folder that is closed, and goes on, unless a target leads there.
func (f *finder) readable(path string, err error) error {
	if errors.Is(err, fs.ErrPermission) && !f.leadsToNamed(path) {
		f.opts.Warn("what runs in %s is not looked at: %v", recording.CleanString(path), err)
		return nil
	}
	return err
}

// describe adds what the container's engine knows.
func (f *finder) describe(found *Found, t *target) {
	if found.Kind != recording.KindContainer {
		return
	}
	c := t.containers[found.Ref.ID]
	if c == nil && f.opts.Engines != nil {
		var err error
		if c, err = f.ask(found.Ref); err != nil {
			f.opts.Warn("container %s: %v", found.Name, err)
			c = nil
		}
	}
	if found.Container = c; c != nil {
		found.Name = cmp.Or(containerName(c), found.Name)
	}
}

// ask waits for the engine as long as a user does.
func (f *finder) ask(ref engine.Ref) (*engine.Container, error) {
	if err := f.silent[ref.Engine]; err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(f.ctx, engine.Patience)
	defer cancel()
	c, err := f.opts.Engines.Container(ctx, ref)
	if errors.Is(err, context.DeadlineExceeded) {
		f.silent[ref.Engine] = err
	}
	return c, err
}

// Procs lists the processes that the workload has now, sorted; of a PID target those that are the process or descend from it.
func (f *Found) Procs() ([]int, error) {
	pids, err := f.all()
	if err != nil {
		return nil, fmt.Errorf("listing the processes of cgroup %s: %w", f.Root.Path, err)
	}
	if f.Target.Kind == PID {
		pids = slices.DeleteFunc(pids, func(pid int) bool { return !descendsFrom(pid, f.Target.Number) })
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

func (f *Found) all() ([]int, error) {
	if f.parts == nil {
		return f.Root.Procs()
	}
	var pids []int
	for _, part := range f.parts {
		own, err := part.OwnProcs()
		if err != nil {
			return nil, err
		}
		pids = append(pids, own...)
	}
	return pids, nil
}
