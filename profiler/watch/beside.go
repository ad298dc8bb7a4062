package watch

import (
	"context"
	"time"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/life"
)

// Beside looks at the same workloads by other means than counting their calls, which nobody does then. One
// goroutine calls its methods, in the order in which they stand here.
type Beside interface {
	// Open attaches it to a recorder that is not started yet. What it holds is freed by Close, also after an error.
	Open(r *profiler.Recorder) error
	// Begin: all that was there before is a workload now.
	Begin() error
	// Look is called every besideInterval, and once before a workload ends, with the lives of all that are wanted, by
	// number.
	Look(ctx context.Context, lives map[int]*life.Life) error
	// Forget workloads that have ended or are not wanted: others will have their numbers.
	Forget(numbers []int) error
	Close()
}

// besideInterval is how late Beside may be.
const besideInterval = 100 * time.Millisecond

func (w *watch) openBeside() error {
	if w.opts.Beside == nil {
		return nil
	}
	return w.opts.Beside.Open(w.recorder)
}

func (w *watch) beginBeside() error {
	if w.opts.Beside == nil {
		return nil
	}
	return w.opts.Beside.Begin()
}

func (w *watch) lookBeside(ctx context.Context) {
	if w.opts.Beside == nil {
		return
	}
	lives := map[int]*life.Life{}
	for number, one := range w.workloads {
		if one.state == wanted {
			lives[number] = one.life
		}
	}
	if err := w.opts.Beside.Look(ctx, lives); err != nil {
		w.opts.Warn("%v", err)
	}
}

// besideTicks never ticks if there is nothing beside.
func (w *watch) besideTicks() (ticks <-chan time.Time, stop func()) {
	if w.opts.Beside == nil {
		return nil, func() {}
	}
	t := time.NewTicker(besideInterval)
	return t.C, t.Stop
}
