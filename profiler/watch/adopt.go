package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// births tells whether workloads that begin later are recorded, too.
func (w *watch) births() bool {
	for _, t := range w.targets {
		if t.Kind == All {
			return true
		}
	}
	return w.opts.Wait
}

// adopt begins to record what is there, and to watch for births. Each cgroup is recorded or watched before what is
// below it is listed: whatever is born meanwhile is seen by the kernel side or in the list.
func (w *watch) adopt() error {
	root := w.opts.Root
	if root == "" {
		root = "/"
	}
	if err := w.adoptTree(root, cgroup.Plain, true); err != nil {
		return err
	}
	for _, t := range w.targets {
		if err := w.adoptOutside(root, t); err != nil {
			return err
		}
	}
	return w.reportMissing()
}

// adoptOutside takes what is named by its path or its process where it is: the root is for what is looked for.
func (w *watch) adoptOutside(root string, t *target) error {
	if t.path == "" || t.found || within(t.path, root) {
		return nil
	}
	if t.failed != nil && w.opts.Wait {
		t.failed = fmt.Errorf("%s: there is none, and --wait looks below --root %s only: leave --root out", t, root)
		return nil
	}
	return w.adoptTree(t.path, cgroup.Plain, false)
}

// adoptTree records the workloads at and below a cgroup that belongs to none.
func (w *watch) adoptTree(cgroupPath string, parent cgroup.Class, top bool) error {
	dir := filepath.Join(w.mount.Path, cgroupPath)
	id, err := cgroup.ID(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if top {
			return fmt.Errorf("watching cgroup %s: there is none: look for it below %s", cgroupPath, w.mount.Path)
		}
		return nil
	}
	if err != nil {
		return err
	}
	class := classAt(cgroupPath, parent, top)
	p := placeOf(w.opts.Root, cgroupPath)
	if t := w.meant(p, class, top); t != nil {
		return w.adoptOne(p, id, class, t)
	}
	if w.births() {
		if err := w.recorder.Follow(id, class); err != nil && !errors.Is(err, profiler.ErrKnown) {
			return err
		}
	}
	return w.below(cgroupPath, func(child string) error {
		if !w.mayHold(child) {
			return nil
		}
		err := w.adoptTree(child, class, false)
		if errors.Is(err, fs.ErrPermission) && !w.leadsToNamed(child) {
			w.opts.Warn("what runs in %s is not recorded: %v", recording.CleanString(child), err)
			return nil
		}
		return err
	})
}

// classAt is the class of a cgroup below one of class parent; of the top, where looking begins, its name says nothing.
func classAt(cgroupPath string, parent cgroup.Class, top bool) cgroup.Class {
	class := cgroup.ClassOf(filepath.Base(cgroupPath))
	if top {
		class = cgroup.Plain
	}
	if cgroup.JoinsParent(parent, class) {
		return parent
	}
	return class
}

// widened is the class of a workload that t means: all below what was named belongs to it.
func widened(p place, class cgroup.Class, t *target) cgroup.Class {
	if t.Kind != All && p.path != "/" {
		return cgroup.Whole
	}
	return class
}

// mayHold tells whether there is a reason to look into a cgroup: those that were named by their path are the only ones
// whose place is known.
func (w *watch) mayHold(cgroupPath string) bool {
	if w.births() {
		return true
	}
	return w.leadsToNamed(cgroupPath) || slices.ContainsFunc(w.targets, func(t *target) bool { return t.ofContainers() || t.Kind == Unit })
}

// leadsToNamed tells whether what a target names by its path is at or below a cgroup.
func (w *watch) leadsToNamed(cgroupPath string) bool {
	return slices.ContainsFunc(w.targets, func(t *target) bool { return t.path != "" && within(t.path, cgroupPath) })
}

// below visits the cgroups directly below one, in the order of their names.
func (w *watch) below(cgroupPath string, visit func(child string) error) error {
	entries, err := os.ReadDir(filepath.Join(w.mount.Path, cgroupPath))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return cgroup.Closed(fmt.Errorf("listing cgroup %s: %w", cgroupPath, err))
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		if err := visit(filepath.Join(cgroupPath, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// meant returns the target that means the workload whose root is at p, nil if none does. Plain cgroups are
// workloads for All only if processes are in them.
func (w *watch) meant(p place, class cgroup.Class, top bool) *target {
	for _, t := range w.targets {
		if t.failed != nil && !t.byID || !t.isAt(p) && !w.inAll(t, p, class, top) {
			continue
		}
		if !excluded(w.opts.Exclude, p, t.containers[p.ref.ID]) {
			return t
		}
		t.excluded = true
	}
	return nil
}

// inAll tells whether the target is All, and that means the workload at p.
func (w *watch) inAll(t *target, p place, class cgroup.Class, top bool) bool {
	return t.Kind == All && !top && !p.ref.Monitor && (class != cgroup.Plain || w.populated(p)) && class != cgroup.Slice && !w.own(p)
}

// find notes, and returns, the targets that mean the cgroup at p and were not found yet.
func (w *watch) find(p place) []*target {
	var found []*target
	for _, t := range w.targets {
		if !t.found && (t.failed == nil || t.byID) && t.isAt(p) {
			t.found, t.failed = true, nil
			found = append(found, t)
		}
	}
	return found
}

// populated tells whether processes are in the cgroup itself.
func (w *watch) populated(p place) bool {
	text, err := os.ReadFile(filepath.Join(w.mount.Path, p.path, "cgroup.procs"))
	return err == nil && len(text) > 0
}

// own is scallop's own cgroup: what it does for recording is of no interest.
func (w *watch) own(p place) bool {
	path, err := w.mount.Own()
	return err == nil && path == p.path
}

// adoptOne records a workload whose cgroup was there before, and the cgroups below it.
func (w *watch) adoptOne(p place, id uint64, class cgroup.Class, t *target) error {
	c := t.containers[p.ref.ID]
	class = widened(p, class, t)
	running := cgroup.Cgroup{Mount: w.mount, Path: p.path}
	if _, err := running.Procs(); errors.Is(err, fs.ErrPermission) {
		return err // it could not be recorded whole
	}
	opts := profiler.WorkloadOptions{CgroupID: id, Class: class, Phase: profiler.PhaseSetup, StopSignals: w.stopSignals(c)}
	if !t.Fresh {
		opts.Leader = leaderIn(running, c)
	}
	if opts.Leader != 0 {
		opts.Phase = profiler.PhaseSteady
	}
	number, err := w.recorder.AddWorkload(opts)
	if errors.Is(err, profiler.ErrKnown) {
		return nil // another target has it, or it was born just now
	}
	if err != nil {
		return fmt.Errorf("recording %s: %w", recording.CleanString(p.path), err)
	}
	w.find(p)
	one := w.newWorkload(number, id, p, profiler.Now())
	one.named = t.One()
	err = w.enter(number, running, func(pid int) bool {
		return t.Fresh || p.kind == recording.KindContainer && isEntering(pid, opts.Leader, running)
	})
	w.describe(one, opts.Leader)
	if now, idErr := cgroup.ID(running.Dir()); errors.Is(idErr, fs.ErrNotExist) || idErr == nil && now != id {
		w.onGone(one) // removed before it was recorded: the kernel side does not tell
	}
	if c == nil && p.kind == recording.KindContainer && w.opts.Engines != nil {
		w.asking = append(w.asking, one)
		w.remember(one)
	} else {
		w.want(one, c)
	}
	return errors.Join(err, w.below(p.path, func(child string) error { return w.join(number, child, class) }))
}

func leaderIn(running cgroup.Cgroup, c *engine.Container) int {
	if c != nil && c.PID > 0 {
		return c.PID
	}
	return leaderOf(running)
}

// enter takes those of the processes in a workload for its container runtime's that are.
func (w *watch) enter(number int, running cgroup.Cgroup, entering func(pid int) bool) error {
	pids, err := running.Procs()
	for _, pid := range pids {
		if entering(pid) {
			err = errors.Join(err, w.recorder.Enter(number, pid))
		}
	}
	return err
}

// describe says how a workload that was there before begins: empty, or in the middle of its life.
func (w *watch) describe(one *workload, leader int) {
	if leader == 0 {
		one.life.Turn(one.life.Start, recording.PhaseSetup, recording.Trigger{Kind: "start"})
		return
	}
	one.life.Turn(one.life.Start, recording.PhaseSteady, recording.Trigger{Kind: "attached", Detail: "it was running before: its startup is unseen"})
	w.describeLeader(one, leader)
}

// join counts a cgroup below a workload's root, and those below that, into it.
func (w *watch) join(number int, cgroupPath string, parent cgroup.Class) error {
	class := cgroup.ClassOf(filepath.Base(cgroupPath))
	if !cgroup.JoinsParent(parent, class) {
		return w.adoptTree(cgroupPath, parent, false)
	}
	id, err := cgroup.ID(filepath.Join(w.mount.Path, cgroupPath))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := w.recorder.Join(number, id, parent); err != nil && !errors.Is(err, profiler.ErrKnown) {
		return err
	}
	for _, t := range w.find(placeOf(w.opts.Root, cgroupPath)) {
		w.opts.Warn("%s: is recorded with %s, which holds it: leave that one out to have a recording of its own", t, recording.CleanString(w.workloads[number].place.path))
	}
	return w.below(cgroupPath, func(child string) error { return w.join(number, child, parent) })
}

// describeLeader tells of one that ran before. The first whose executable is hidden to scallop is told of.
func (w *watch) describeLeader(one *workload, pid int) {
	p := readProcess(pid)
	if pid == 0 || p == nil {
		return
	}
	if errors.Is(p.hidden, fs.ErrPermission) && !w.hiddenTold {
		w.hiddenTold = true
		w.opts.Warn("what leaders that ran before execute is not known: %v: add cap_sys_ptrace", p.hidden)
	}
	one.life.Leader.PID, one.life.Leader.Exe = pid, p.exe
	one.life.About.Seccomp = p.seccomp
	one.life.About.NoNewPrivs = &p.noNew
}

// reportMissing tells of targets that are not there. With Wait they may still come.
func (w *watch) reportMissing() error {
	for _, t := range w.targets {
		if t.found || t.Kind == All {
			continue
		}
		err := t.missing(w.mount)
		if t.failed == nil || errors.Is(err, engine.ErrNotFound) || errors.Is(err, fs.ErrNotExist) { // it may come
			if w.opts.Wait {
				continue
			}
			if len(t.containers) == 0 && !t.excluded {
				err = fmt.Errorf("%w, or wait for it with --wait", err)
			}
		}
		w.result.Missing = append(w.result.Missing, err)
		w.opts.Warn("%v", err)
	}
	if len(w.workloads) == 0 && !w.births() {
		return errors.Join(w.result.Missing...)
	}
	return nil
}

// missing is why a target was not found.
func (t *target) missing(mount cgroup.Mount) error {
	switch {
	case t.failed != nil:
		return t.failed
	case t.excluded:
		return fmt.Errorf("%s: --exclude leaves out all that it means: leave out less", t)
	case len(t.containers) > 0:
		return fmt.Errorf("%s: its cgroup is not below %s: is the engine in another cgroup namespace?", t, mount.Path)
	default:
		return fmt.Errorf("%s: there is none: check the name", t)
	}
}
