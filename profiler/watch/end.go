package watch

import (
	"context"
	"time"

	"github.com/scallop-sec/scallop/profiler/life"
)

// freeDelay is longer than any program of the kernel side can be at work on a workload that is not
// recorded any more.
const freeDelay = time.Second

// Reading workloads for the last time takes a part of a core that is not greater than 1 in endShare, however often
// they end: all maps are read for it, for one workload as for a hundred. But their room is held until then.
const (
	endShare  = 50
	endLatest = 500 * time.Millisecond
)

// onGone: the cgroup was removed, so that nobody can make another call.
func (w *watch) onGone(one *workload) {
	one.gone = true
	w.remember(one)
}

// look reads the counters, for "last seen" and the log, and finds what events did not tell.
func (w *watch) look(ctx context.Context) {
	w.findBirths()
	all, err := w.recorder.Look(func(n int) bool { return w.workloads[n] != nil && w.workloads[n].state == wanted })
	if err != nil {
		w.opts.Warn("%v", err)
		return
	}
	for number, snapshot := range all {
		one := w.workloads[number]
		for _, call := range one.life.Look(snapshot) {
			w.logCall(one, call)
		}
		if one.looks++; one.looks >= stateInterval {
			w.remember(one)
		}
	}
	w.rememberWatch()
	w.findGone()
	w.checkpoint()
	w.free()
	w.sweep()
}

// patience is how many looks a workload's last events may come behind: who its leader was is known by them only.
const patience = 3

// findGone finds those whose event was dropped.
func (w *watch) findGone() {
	for _, one := range w.workloads {
		if one.gone || w.recorder.Exists(one.cgroup) {
			continue
		}
		if one.absent++; one.absent > patience {
			w.onGone(one)
		}
	}
}

// end writes the files of workloads that are gone, and named.
func (w *watch) end() {
	gone := map[int]*workload{}
	for number, one := range w.workloads {
		if one.gone && one.state == wanted {
			gone[number] = one
		}
	}
	began := time.Now()
	if len(gone) == 0 || began.Before(w.nextEnd) {
		return
	}
	if err := w.endAll(gone); err != nil {
		w.opts.Warn("%v", err)
	}
	w.nextEnd = began.Add(min(endShare*time.Since(began), endLatest))
}

// endAll reads workloads for the last time and hands them to the writer.
func (w *watch) endAll(those map[int]*workload) error {
	w.lookBeside(context.Background())
	if len(those) == 0 {
		return nil
	}
	if w.opts.Save == nil {
		w.endUnsaved(those)
		return nil
	}
	all, err := w.recorder.Snapshots(func(n int) bool { return those[n] != nil })
	if err != nil {
		return err
	}
	for number, one := range those {
		w.stopChecks(one)
		one.state = ended
		snapshot := all[number]
		if snapshot == nil && one.named {
			if snapshot, err = w.recorder.Snapshot(number); err != nil {
				return err
			}
		}
		if snapshot == nil {
			w.forget(one) // it made no call
			continue
		}
		for _, call := range one.life.Look(snapshot) {
			w.logCall(one, call)
		}
		w.saving = append(w.saving, save{one, filename(one), one.life.Recording(snapshot, w.guests.reasons(one)...), true})
		if w.opts.Pin == nil {
			w.forget(one) // a slow disk is no reason to hold its room
		}
	}
	return nil
}

// endUnsaved ends workloads of which there is to be no recording.
func (w *watch) endUnsaved(those map[int]*workload) {
	for _, one := range those {
		w.stopChecks(one)
		one.state = ended
		w.forget(one)
		w.log(one, Event{Kind: EventEnd})
	}
}

// retired is a workload that is not recorded any more.
type retired struct {
	since time.Time
	gone  bool // its cgroup is
}

// forget gives the workload's room back, a little later.
func (w *watch) forget(one *workload) {
	delete(w.workloads, one.number)
	w.forgetState(one.number)
	w.guests.forget(one.number)
	w.retired[one.number] = retired{time.Now(), one.gone}
}

// free gives back the room of those that are not recorded any more.
func (w *watch) free() {
	var numbers, living []int
	for number, r := range w.retired {
		if time.Since(r.since) < freeDelay {
			continue
		}
		numbers = append(numbers, number)
		if !r.gone {
			living = append(living, number)
		}
	}
	if err := w.recorder.Ignore(living...); err != nil { // children born while they were dropped
		w.opts.Warn("%v", err)
	}
	if w.opts.Beside != nil && len(numbers) > 0 {
		if err := w.opts.Beside.Forget(numbers); err != nil {
			w.opts.Warn("%v", err)
		}
	}
	if err := w.recorder.Free(numbers); err != nil {
		w.opts.Warn("%v", err)
	}
	for _, number := range numbers {
		delete(w.retired, number)
	}
}

// done tells whether all that was asked for has ended.
func (w *watch) done() bool {
	if len(w.workloads) > 0 || len(w.saving) > 0 || w.writing {
		return false
	}
	if !w.births() {
		return true
	}
	for _, t := range w.targets {
		if !t.One() || !t.found {
			return false
		}
	}
	return true
}

// mark begins a phase of the workload with that name.
func (w *watch) mark(name, phase string) error {
	one, err := w.byName(name)
	if err != nil {
		return err
	}
	if phase == "" {
		return nil // only asked for
	}
	turn, err := one.life.Mark(phase)
	w.logTurn(one, turn)
	w.remember(one)
	return err
}

// checkpoint writes partial files of those whose time has come, a few at a time.
func (w *watch) checkpoint() {
	if w.opts.Checkpoint <= 0 || w.opts.Save == nil || len(w.saving) > 0 {
		return
	}
	const atOnce = 16
	due, now := map[int]*workload{}, time.Now()
	for number, one := range w.workloads {
		if one.state == wanted && now.After(one.checkpoint) && len(due) < atOnce {
			due[number] = one
			one.checkpoint = now.Add(w.opts.Checkpoint)
		}
	}
	if len(due) == 0 {
		return
	}
	all, err := w.recorder.Snapshots(func(n int) bool { return due[n] != nil })
	if err != nil {
		w.opts.Warn("no checkpoint: %v", err)
		return
	}
	for number, snapshot := range all {
		one := due[number]
		w.saving = append(w.saving, save{one, filename(one), one.life.Recording(snapshot, append(w.guests.reasons(one), life.Partial)...), false})
	}
}
