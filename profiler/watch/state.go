package watch

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/life"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// Pin is where a recorder outlives its scallop.
type Pin interface {
	Dir() string                  // on a bpffs, for the kernel side
	StateFile(name string) string // for what scallop has to remember
	Remove() error                // leaves no trace
}

// Names of the state files: one for the watch, one for each workload.
const (
	stateFile     = "watch.json"
	statePrefix   = "workload-"
	stateSuffix   = ".json"
	stateInterval = 5 // looks between two savings of "last seen"
)

// watchState is what is remembered of the watch itself.
type watchState struct {
	Alive int64  `json:"alive"` // when it was last watching, as profiler.Now
	Found []bool `json:"found"` // by target

	// The hierarchy that the kernel side tells workloads apart by.
	Controller string `json:"controller"` // as cgroup.Mount; empty: cgroup2
	Hierarchy  uint32 `json:"hierarchy"`  // its number
}

// workloadState is what is remembered of a workload.
type workloadState struct {
	Number int               `json:"number"`
	Cgroup uint64            `json:"cgroup"`
	Path   string            `json:"path"`
	Kind   string            `json:"kind"`
	Ref    engine.Ref        `json:"ref"`
	Wanted bool              `json:"wanted"`
	Gone   bool              `json:"gone"`
	Engine *engine.Container `json:"engine,omitempty"`
	Life   life.State        `json:"life"`
}

// remember saves what is known of a workload, if it is to outlive this process.
func (w *watch) remember(one *workload) {
	if w.opts.Pin == nil {
		return
	}
	one.looks = 0
	w.writeState(workloadFile(one.number), workloadState{
		Number: one.number, Cgroup: one.cgroup, Path: one.place.path, Kind: one.place.kind, Ref: one.place.ref,
		Wanted: one.state != undecided, Gone: one.gone, Engine: one.engine, Life: one.life.State(),
	})
}

// forgetState of a workload that is dropped, or written.
func (w *watch) forgetState(number int) {
	if w.opts.Pin != nil {
		_ = os.Remove(w.opts.Pin.StateFile(workloadFile(number)))
	}
}

func workloadFile(number int) string { return fmt.Sprintf("%s%d%s", statePrefix, number, stateSuffix) }

// rememberWatch says that it is alive.
func (w *watch) rememberWatch() {
	if w.opts.Pin == nil {
		return
	}
	s := watchState{Alive: profiler.Now(), Controller: w.mount.Controller, Hierarchy: w.hierarchy}
	for _, t := range w.targets {
		s.Found = append(s.Found, t.found)
	}
	w.writeState(stateFile, s)
}

// writeState replaces a file whole. There is no disk below it that could be slow or lose it: a start of the machine takes the
// kernel side with it, too.
func (w *watch) writeState(name string, state any) {
	data, err := json.Marshal(state)
	path := w.opts.Pin.StateFile(name)
	if err == nil {
		err = os.WriteFile(path+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil && !w.stateLost {
		w.stateLost = true
		w.opts.Warn("remembering the state: %v: if scallop is killed now, phases may be unknown; counts are not touched", err)
	}
}

// maxState bounds a state file, in bytes.
const maxState = 16 << 20

func readState(path string, state any) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() > maxState {
		return fmt.Errorf("%s: longer than %d bytes: it is not scallop's", path, maxState)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, state); err != nil {
		return fmt.Errorf("%s: %w: it was changed or cut off", path, err)
	}
	return nil
}

// resume goes on with a pinned recorder, and with all workloads that it has.
func (w *watch) resume() error {
	var s watchState
	if err := readState(w.opts.Pin.StateFile(stateFile), &s); err != nil {
		w.opts.Warn("the time since when nobody watched is not known: %v", err)
	}
	if err := w.sameHierarchy(s); err != nil {
		return err
	}
	if s.Alive > 0 {
		w.result.Unwatched = time.Duration(max(0, profiler.Now()-s.Alive))
	}
	for i, t := range w.targets {
		t.found = i < len(s.Found) && s.Found[i]
	}
	if err := w.resumeWorkloads(s.Alive); err != nil {
		return err
	}
	orphans, rest, err := w.recorder.Unknown(func(n int) bool { return w.workloads[n] != nil })
	if err != nil {
		return err
	}
	return errors.Join(w.resumeOrphans(orphans), w.recorder.Free(rest))
}

// resumeOrphans goes on with workloads whose state was lost. Their cgroups tell who they are, and their first calls which
// phases they went through.
func (w *watch) resumeOrphans(numbers []int) error {
	if len(numbers) == 0 {
		return nil
	}
	all, err := w.recorder.Look(func(int) bool { return true })
	if err != nil {
		return err
	}
	for _, number := range numbers {
		path, err := cgroup.PathOf(w.mount, w.recorder.Root(number))
		if err != nil {
			if errors.Is(err, fs.ErrPermission) {
				w.opts.Warn("a workload's name is not known any more: %v", err)
			}
			path = fmt.Sprintf("/cgroup-%d", w.recorder.Root(number))
		}
		start := profiler.Now()
		if s := all[number]; s != nil {
			for _, c := range s.Calls {
				start = min(start, c.First.Time)
			}
		}
		one := w.newWorkload(number, w.recorder.Root(number), placeOf(w.opts.Root, path), start)
		w.describeLeader(one, w.recorder.Leader(number))
		w.want(one, nil)
	}
	return nil
}

// sameHierarchy: paths and IDs of another one mean other cgroups. To give up what was recorded is possible all the same.
func (w *watch) sameHierarchy(s watchState) error {
	if s.Alive == 0 || s.Controller == w.mount.Controller && s.Hierarchy == w.hierarchy {
		return nil
	}
	name := func(controller string) string { return cmp.Or(controller, "cgroup2") }
	err := fmt.Errorf("it was pinned when workloads were told apart by the hierarchy of %s (number %d), and now it would be by that of %s (number %d): mount cgroups as they were, or give it up with --unpin",
		recording.CleanString(name(s.Controller)), s.Hierarchy, name(w.mount.Controller), w.hierarchy)
	if w.opts.End {
		w.opts.Warn("counts are right, names may not be: %v", err)
		return nil
	}
	return err
}

func (w *watch) resumeWorkloads(alive int64) error {
	paths, err := filepath.Glob(w.opts.Pin.StateFile(statePrefix + "*" + stateSuffix))
	if err != nil {
		return err
	}
	for _, path := range paths {
		var s workloadState
		err := readState(path, &s)
		if err == nil {
			err = w.resumeOne(s, alive)
		}
		if err != nil {
			w.opts.Warn("a workload's phases are not known any more, its counts are: %v", err)
		}
	}
	return nil
}

func (w *watch) resumeOne(s workloadState, alive int64) error {
	if s.Number < 0 || s.Number >= w.recorder.MaxWorkloads() || strings.Contains(s.Path, "\x00") {
		return errors.New("a state file names a workload that cannot be")
	}
	p := place{path: s.Path, kind: s.Kind, ref: s.Ref}
	one := &workload{number: s.Number, cgroup: s.Cgroup, place: p, stop: func() {}, gone: s.Gone, engine: s.Engine}
	since := max(alive, s.Life.Start)
	var err error
	one.life, err = life.Restore(life.Options{Recorder: w.recorder, Number: s.Number, Tool: w.opts.Tool, Host: w.host}, s.Life, since)
	if err != nil {
		return err
	}
	w.workloads[s.Number] = one
	if !one.life.Leader.Known() {
		w.describeLeader(one, w.recorder.Leader(s.Number))
	}
	if s.Wanted {
		w.want(one, s.Engine)
	} else {
		w.asking = append(w.asking, one)
	}
	return nil
}
