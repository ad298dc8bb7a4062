package watch

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// onEvent takes what the kernel side has done.
func (w *watch) onEvent(ctx context.Context, e profiler.Event) {
	if e.Kind == profiler.Born {
		w.onBirth(ctx, e.Workload)
		return
	}
	one := w.workloads[e.Workload]
	if one == nil {
		return // dropped meanwhile
	}
	if e.Kind == profiler.Gone {
		w.onGone(one)
		return
	}
	w.logTurn(one, one.life.Event(e))
	defer w.remember(one)
	if e.Kind == profiler.LeaderExec {
		if p := readProcess(e.PID); p != nil {
			one.life.About.NoNewPrivs = &p.noNew
		}
		w.startChecks(ctx, one)
	}
}

// onBirth begins to follow a workload that the kernel side began when its cgroup was made.
func (w *watch) onBirth(ctx context.Context, number int) {
	birth, ok := w.recorder.Birth(number)
	if !ok || w.workloads[number] != nil {
		return // known already: findBirths was faster
	}
	if _, ignored := w.retired[number]; ignored {
		return
	}
	one := w.newWorkload(number, birth.CgroupID, placeOf(w.opts.Root, filepath.Clean("/"+birth.Path)), birth.Time)
	one.life.Turn(birth.Time, recording.PhaseSetup, recording.Trigger{Kind: "start"})
	if w.mayBeNamed(one) {
		w.asking = append(w.asking, one)
		w.remember(one)
		return
	}
	w.decide(ctx, one, nil, engine.ErrNotFound)
}

// findBirths finds those whose event was dropped.
func (w *watch) findBirths() {
	for number := range w.recorder.MaxWorkloads() {
		if w.workloads[number] == nil {
			w.onBirth(context.Background(), number)
		}
	}
}

// decide keeps a workload or drops it. c is nil if its engine does not know it, or err says why not.
func (w *watch) decide(ctx context.Context, one *workload, c *engine.Container, err error) {
	if excluded(w.opts.Exclude, one.place, c) {
		w.drop(one)
		return
	}
	best := no
	for _, t := range w.targets {
		v := t.judge(one.place, c)
		if v == yes {
			t.found = true
		}
		best = max(best, v)
	}
	if best == no {
		w.drop(one)
		return
	}
	if best == unknown && w.foreign(one, err) {
		w.drop(one)
		return
	}
	w.warnUnnamed(one, best, err)
	w.widen(one)
	w.want(one, c)
	w.startChecks(ctx, one)
}

// foreign tells whether a container that no engine could name belongs to none of those that are asked: the user said which to
// ask and its kind is not among them, or it lives and they do not know it.
func (w *watch) foreign(one *workload, err error) bool {
	if !w.asks(one.place.ref) {
		return w.opts.EnginesNamed
	}
	return errors.Is(err, engine.ErrNotFound) && !one.gone && w.recorder.Exists(one.cgroup)
}

// mayBeNamed tells whether there is somebody to ask for the workload's name.
func (w *watch) mayBeNamed(one *workload) bool {
	return one.place.kind == recording.KindContainer && w.opts.Engines != nil && (w.asks(one.place.ref) || !w.opts.EnginesNamed)
}

// asks tells whether an engine of the kind that the cgroup's path tells of is asked.
func (w *watch) asks(ref engine.Ref) bool {
	return w.opts.Engines != nil && (ref.Engine == "" || w.opts.Engines.Asks(ref.Engine))
}

// warnUnnamed says why a recording has no name.
func (w *watch) warnUnnamed(one *workload, v verdict, err error) {
	switch {
	case err == nil || v == yes && errors.Is(err, engine.ErrNotFound):
	case !errors.Is(err, engine.ErrNotFound):
		w.opts.Warn("container %s is recorded under its ID: %v", one.place.name(), err)
	case !w.asks(one.place.ref):
		w.opts.Warn("container %s may be one that you asked for, and is recorded under its ID: %s has no socket here that could be asked: name it with --runtime-endpoint", one.place.name(), one.place.ref.Engine)
	default:
		w.opts.Warn("container %s was gone before it could be named: it may be one that you asked for, and is recorded under its ID", one.place.name())
	}
}

// widen takes all below a cgroup that was named by its path for a part of it, as if it had been there before.
func (w *watch) widen(one *workload) {
	named := slices.ContainsFunc(w.targets, func(t *target) bool { return t.Kind == Cgroup && t.path == one.place.path })
	if !named {
		return
	}
	if err := w.recorder.Widen(one.cgroup); err != nil {
		w.opts.Warn("%v", err)
	}
}

// drop stops recording what nobody asked for. Births below it go on being watched.
func (w *watch) drop(one *workload) {
	delete(w.workloads, one.number)
	w.forgetState(one.number)
	if err := w.recorder.Ignore(one.number); err != nil {
		w.opts.Warn("%v", err)
		return // it goes on being counted, and its room is lost
	}
	w.retired[one.number] = retired{time.Now(), false}
}
