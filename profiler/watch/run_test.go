package watch

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/hosttest"
	"github.com/scallop-sec/scallop/profiler/launch"
	"github.com/scallop-sec/scallop/profiler/recording"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// recorded is a watch that runs beside the test, and all that came of it.
type recorded struct {
	t       *testing.T
	signals chan os.Signal
	over    chan struct{} // Run has returned

	mu       sync.Mutex
	events   []Event
	final    []*recording.Recording
	partial  int
	warnings []string

	result Result
	err    error
}

// record starts a watch, and returns when everything is attached.
func record(t *testing.T, opts Options) *recorded {
	t.Helper()
	hosttest.Root(t)
	r := &recorded{t: t, signals: make(chan os.Signal, 1), over: make(chan struct{})}
	attached := make(chan struct{})
	opts.Signals = r.signals
	if opts.Sizes == (profiler.Sizes{}) {
		opts.Sizes = profiler.SizesFor(64)
	}
	save := opts.Save
	opts.Save = func(file Filename, one *recording.Recording, final bool) (string, error) {
		r.mu.Lock()
		if final {
			r.final = append(r.final, one)
		} else {
			r.partial++
		}
		r.mu.Unlock()
		if save != nil {
			return save(file, one, final)
		}
		return string(file), nil
	}
	opts.Log = func(e Event) {
		r.mu.Lock()
		r.events = append(r.events, e)
		r.mu.Unlock()
		if e.Kind == EventRecording {
			close(attached)
		}
	}
	opts.Warn = func(format string, args ...any) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
	}
	go func() {
		r.result, r.err = Run(t.Context(), opts)
		close(r.over)
	}()
	select {
	case <-attached:
	case <-r.over:
	case <-time.After(30 * time.Second):
		t.Fatal("30 s went by without a recording")
	}
	return r
}

// stop ends it as Ctrl-C does.
func (r *recorded) stop() *recorded {
	r.t.Helper()
	r.signals <- syscall.SIGINT
	return r.wait()
}

func (r *recorded) wait() *recorded {
	r.t.Helper()
	select {
	case <-r.over:
	case <-time.After(60 * time.Second):
		r.t.Fatal("the watch does not end")
	}
	return r
}

// ok ends it and wants no error and no warning.
func (r *recorded) ok() *recorded {
	r.t.Helper()
	r.stop()
	r.clean()
	return r
}

func (r *recorded) clean() {
	r.t.Helper()
	if r.err != nil || len(r.warnings) > 0 || r.result.Incomplete+r.result.Unsaved+len(r.result.Missing) > 0 || r.result.Lost > 0 {
		r.t.Errorf("error %v, result %+v, warnings %q", r.err, r.result, r.warnings)
	}
}

// until waits until something holds of what there is so far.
func (r *recorded) until(what string, holds func() bool) {
	r.t.Helper()
	for range 1000 {
		r.mu.Lock()
		ok := holds()
		r.mu.Unlock()
		if ok {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.t.Fatalf("10 s went by without %s; warnings %q", what, r.warnings)
}

// saw tells whether there was such an event of a workload; phase may be empty.
func (r *recorded) saw(kind, workload, phase string) func() bool {
	return func() bool {
		return slices.ContainsFunc(r.events, func(e Event) bool {
			return e.Kind == kind && e.Workload == workload && (phase == "" || e.Phase == phase)
		})
	}
}

// byName are the recordings so far, each workload's one.
func (r *recorded) byName() map[string]*recording.Recording {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string]*recording.Recording{}
	for _, one := range r.final {
		if all[one.Workload.Name] != nil {
			r.t.Errorf("two recordings of %s", one.Workload.Name)
		}
		all[one.Workload.Name] = one
	}
	return all
}

func names(all map[string]*recording.Recording) []string {
	var list []string
	for name := range all {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// count of a call in a phase, or in all if that is empty.
func count(r *recording.Recording, name, phase string) uint64 {
	for _, s := range r.Syscalls {
		if s.Name == name && phase == "" {
			return s.Total
		}
		if s.Name == name {
			return s.Phases[phase].Count
		}
	}
	return 0
}

func phaseNames(r *recording.Recording) string {
	var list []string
	for _, p := range r.Phases {
		list = append(list, p.Name)
	}
	return strings.Join(list, " ")
}

// lossless fails unless the recording is whole.
func lossless(t *testing.T, r *recording.Recording) {
	t.Helper()
	if !r.Complete {
		t.Errorf("%s is incomplete: %q", r.Workload.Name, r.Incomplete)
	}
	for reason, n := range r.Losses {
		if n != 0 {
			t.Errorf("%s: %d lost: %s", r.Workload.Name, n, reason)
		}
	}
}

func inCgroup(t *testing.T, c *cgroup.Cgroup, args ...string) *exec.Cmd {
	t.Helper()
	cmd, err := launch.Start(launch.Options{Args: args, Cgroup: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}
