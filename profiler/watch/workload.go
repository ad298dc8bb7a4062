package watch

import (
	"context"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/life"
	"github.com/scallop-sec/scallop/profiler/ready"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// state of a workload in the eyes of the targets.
type state int

const (
	undecided state = iota // its engine is being asked
	wanted
	ended // its file is being written
)

// workload is one that the recorder counts.
type workload struct {
	number int
	cgroup uint64 // ID of its root
	place  place
	life   *life.Life
	state  state
	gone   bool // its cgroup is
	absent int  // looks that did not find its cgroup, though no event told
	named  bool // a target means this one alone: it has a file even if it makes no call
	engine *engine.Container

	looks      int  // since it was remembered
	checking   bool // for readiness
	stop       context.CancelFunc
	checks     sync.WaitGroup
	checkpoint time.Time // of the next one
}

// newWorkload begins at a time of profiler.Now.
func (w *watch) newWorkload(number int, cgroupID uint64, p place, start int64) *workload {
	now := profiler.Now()
	one := &workload{number: number, cgroup: cgroupID, place: p, stop: func() {}}
	one.life = life.New(life.Options{
		Recorder: w.recorder,
		Number:   number,
		Tool:     w.opts.Tool,
		Host:     w.host,
		About:    aboutPlace(&p),
		Start:    start,
		Clock:    time.Now().Add(time.Duration(start - now)),
	})
	w.workloads[number] = one
	return one
}

// aboutPlace is what a workload's root cgroup tells of it.
func aboutPlace(p *place) recording.Workload {
	about := recording.Workload{Name: recording.CleanString(p.name()), Kind: p.kind, Cgroup: recording.CleanString(p.path)}
	switch p.kind {
	case recording.KindContainer:
		about.Container = &recording.Container{ID: p.ref.ID, Engine: p.ref.Engine}
	case recording.KindUnit:
		about.Unit = about.Name
	}
	return about
}

// want keeps a workload: a target means it. c is what its engine knows, nil if nothing.
func (w *watch) want(one *workload, c *engine.Container) {
	one.state, one.engine = wanted, c
	one.checkpoint = time.Now().Add(w.opts.Checkpoint)
	if c != nil {
		identify(&one.life.About, c)
	}
	w.recorder.SetStopSignals(one.number, w.stopSignals(c))
	w.log(one, Event{Kind: EventWorkload, Time: one.life.Clock, Type: one.place.kind, ID: one.place.ref.ID})
	for _, turn := range one.life.Turns() {
		w.logTurn(one, &turn)
	}
	w.remember(one)
}

// stopSignals of a workload: what the user said, or what its engine does and SIGTERM, or the usual ones.
func (w *watch) stopSignals(c *engine.Container) []syscall.Signal {
	if len(w.opts.StopSignals) > 0 {
		return w.opts.StopSignals
	}
	if c != nil {
		if signal := parseSignal(c.StopSignal); signal == unix.SIGTERM {
			return []syscall.Signal{signal}
		} else if signal != 0 {
			return []syscall.Signal{signal, unix.SIGTERM}
		}
	}
	return []syscall.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGQUIT}
}

// identify adds what the engine knows to what the cgroup's path tells.
func identify(about *recording.Workload, c *engine.Container) {
	if about.Container == nil {
		return
	}
	clean := recording.CleanString
	if name := containerName(c); name != "" {
		about.Name = clean(name)
	}
	if c.NoNewPrivs != nil {
		about.NoNewPrivs = c.NoNewPrivs
	}
	about.Container = &recording.Container{
		ID:          about.Container.ID,
		Engine:      clean(c.Engine),
		EngineVer:   clean(c.EngineVersion),
		Runtime:     clean(c.Runtime),
		RuntimeVer:  clean(c.RuntimeVersion),
		Image:       clean(c.Image),
		ImageDigest: clean(c.ImageDigest),
	}
	for key, value := range c.Labels {
		if about.Container.Labels == nil {
			about.Container.Labels = map[string]string{}
		}
		about.Container.Labels[clean(key)] = clean(value)
	}
	if c.PodName != "" || c.PodNamespace != "" || c.PodUID != "" {
		about.Container.Pod = &recording.Pod{Namespace: clean(c.PodNamespace), Name: clean(c.PodName), UID: clean(c.PodUID)}
	}
}

// containerName is the shortest that a person knows it by.
func containerName(c *engine.Container) string {
	if c.ContainerName != "" {
		return c.ContainerName
	}
	return c.Name
}

// readiness of a workload.
type readiness struct {
	one  *workload
	turn profiler.Turn
}

// startChecks begins to look for readiness, once the workload is wanted and in startup.
func (w *watch) startChecks(ctx context.Context, one *workload) {
	if one.checking || one.gone || one.state != wanted || one.life.Phase() != profiler.PhaseStartup {
		return
	}
	one.checking = true
	ctx, one.stop = context.WithCancel(ctx)
	for _, check := range w.checksOf(one) {
		one.checks.Go(func() { w.await(ctx, one, check) })
	}
}

// checksOf: health, where the engine looks after it, makes settling a guess that nobody needs.
func (w *watch) checksOf(one *workload) []ready.Check {
	checks := w.opts.Checks
	if one.engine != nil && one.engine.HasHealth {
		checks = append(checks[:len(checks):len(checks)], health(w.opts.Engines, one.place.ref))
	} else if w.opts.Settle > 0 && w.opts.Beside != nil {
		checks = append(checks[:len(checks):len(checks)], ready.After(w.opts.Settle)) // nobody knows what is seen for the first time
	} else if w.opts.Settle > 0 {
		checks = append(checks[:len(checks):len(checks)], ready.Settle(w.opts.Settle, one.life.LastNew, profiler.Now))
	}
	return checks
}

func (w *watch) await(ctx context.Context, one *workload, check ready.Check) {
	detail, err := check.Wait(ctx)
	if err != nil {
		return // ctx has ended
	}
	turn := profiler.Turn{
		Time:    profiler.Now(),
		Phase:   recording.PhaseSteady,
		Trigger: recording.Trigger{Kind: check.Kind, Detail: recording.CleanString(detail)},
	}
	select {
	case w.readies <- readiness{one, turn}:
	case <-ctx.Done():
	}
}

func (w *watch) onReady(r readiness) {
	if w.workloads[r.one.number] == r.one && r.one.life.Ready(r.turn) {
		w.logTurn(r.one, &r.turn)
		w.remember(r.one)
	}
}

// stopChecks ends them: they read memory that may belong to another workload afterwards.
func (w *watch) stopChecks(one *workload) {
	one.stop()
	one.checks.Wait()
}

// healthInterval is between two looks at a container's health.
const healthInterval = 300 * time.Millisecond

// health is ready when the container's engine says that it is healthy.
func health(engines Engines, ref engine.Ref) ready.Check {
	return ready.Check{Kind: "ready-health", Wait: func(ctx context.Context) (string, error) {
		for {
			c, err := engines.Container(ctx, ref)
			if err == nil && c.Health == "healthy" {
				return c.Engine + " says healthy", nil
			}
			select {
			case <-time.After(healthInterval):
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
	}}
}
