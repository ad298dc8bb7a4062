package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// report is what was made and what was recorded.
type report struct {
	options options
	room    int

	made  int // cgroups
	calls map[string]uint64

	exit     int
	warnings string
	recorded map[string]uint64 // calls, by cgroup's name
	losses   map[string]uint64
	partial  int // recordings that are incomplete

	over   time.Duration // of the churn
	usage  usage
	kernel int // bytes
}

// read takes the recordings in. The execve is the load generator's own, before the load counts.
func (r *report) read(dir string) error {
	r.recorded, r.losses = map[string]uint64{}, map[string]uint64{}
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		one, err := decode(path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if !one.Complete {
			r.partial++
		}
		r.recorded[one.Workload.Name] += ownCalls(one)
		for reason, n := range one.Losses {
			r.losses[reason] += n
		}
	}
	return nil
}

func decode(path string) (*recording.Recording, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return recording.Decode(f)
}

func ownCalls(r *recording.Recording) (n uint64) {
	for _, s := range r.Syscalls {
		for phase, c := range s.Phases {
			if phase != recording.PhaseSetup {
				n += c.Count
			}
		}
	}
	return n
}

// missing lists what is not as it must be.
func (r *report) missing() []string {
	var all []string
	if r.made != len(r.recorded) {
		all = append(all, fmt.Sprintf("%d cgroups, %d recordings", r.made, len(r.recorded)))
	}
	wrong := 0
	for name, made := range r.calls {
		if r.recorded[name] != made {
			wrong++
		}
	}
	if wrong > 0 {
		all = append(all, fmt.Sprintf("%d recordings with a wrong number of calls", wrong))
	}
	if r.partial > 0 {
		all = append(all, fmt.Sprintf("%d incomplete recordings", r.partial))
	}
	for _, reason := range slices.Sorted(maps.Keys(r.losses)) {
		if n := r.losses[reason]; n > 0 {
			all = append(all, fmt.Sprintf("%d lost: %s", n, reason))
		}
	}
	if r.exit != 0 {
		all = append(all, fmt.Sprintf("scallop's exit code is %d: %s", r.exit, r.warnings))
	}
	return all
}

func (r *report) write(w io.Writer) error {
	const mib = 1 << 20
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\t\n", name, fmt.Sprintf(format, args...))
	}
	row("cgroups made", "%d", r.made)
	row("recordings written", "%d", len(r.recorded))
	row("calls made", "%d", sum(r.calls))
	row("calls recorded", "%d", sum(r.recorded))
	row("losses", "%d", sum(r.losses))
	row("events dropped", "%d", r.losses["events_dropped"])
	row("scallop's own CPU", "%.1f %% of a core", 100*float64(r.usage.cpu)/float64(max(1, r.over)))
	row("its resident memory", "%.1f MiB (at most %.1f)", float64(r.usage.resident)/mib, float64(r.usage.peak)/mib)
	row("kernel memory of the maps", "%.1f MiB (room for %d)", float64(r.kernel)/mib, r.room)
	if err := table.Flush(); err != nil {
		return err
	}
	for _, what := range r.missing() {
		if _, err := fmt.Fprintf(w, "MISSING: %s\n", what); err != nil {
			return err
		}
	}
	return nil
}

func sum(m map[string]uint64) (n uint64) {
	for _, v := range m {
		n += v
	}
	return n
}
