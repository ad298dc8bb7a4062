package watch

import (
	"context"
	"errors"
	"time"

	"github.com/scallop-sec/scallop/profiler/engine"
)

// askers is how many lookups go on at a time: an engine may be slow, and one that does not know a container is asked
// again for a second.
const askers = 16

// answer of the engines about a workload.
type answer struct {
	one *workload
	c   *engine.Container
	err error
}

// ask runs in its own goroutines; it reads nothing of a workload but its place.
func (w *watch) ask(ctx context.Context) {
	for one := range w.asked {
		c, err := w.opts.Engines.Container(ctx, one.place.ref)
		if err != nil {
			c = nil
		}
		select {
		case w.named <- answer{one, c, err}:
		case <-w.over:
		}
	}
}

// nextAsk is what to send to the askers, if there is something.
func (w *watch) nextAsk() (chan<- *workload, *workload) {
	if len(w.asking) == 0 {
		return nil, nil
	}
	return w.asked, w.asking[0]
}

func (w *watch) onNamed(ctx context.Context, a answer) {
	if w.workloads[a.one.number] == a.one && a.one.state == undecided {
		w.decide(ctx, a.one, a.c, a.err)
	}
}

// namesWait bounds how long an end is held up by engines that hang.
const namesWait = 10 * time.Second

// errUnnamed is why a container has no name.
var errUnnamed = errors.New("its engine had not answered when the recording ended: look at the engine's log")

// awaitNames waits for the answers that are due, but no longer than the user wants: a second signal ends it.
func (w *watch) awaitNames() {
	over := time.After(namesWait)
	for {
		asked, ask := w.nextAsk()
		if asked == nil && !w.anyUndecided() {
			return
		}
		select {
		case asked <- ask:
			w.asking = w.asking[1:]
		case a := <-w.named:
			w.onNamed(context.Background(), a)
		case <-w.opts.Signals:
			w.goWithoutNames()
		case <-over:
			w.goWithoutNames()
		}
	}
}

func (w *watch) goWithoutNames() {
	w.asking = nil
	for _, one := range w.workloads {
		if one.state == undecided {
			w.decide(context.Background(), one, nil, errUnnamed)
		}
	}
}

func (w *watch) anyUndecided() bool {
	for _, one := range w.workloads {
		if one.state == undecided {
			return true
		}
	}
	return false
}
