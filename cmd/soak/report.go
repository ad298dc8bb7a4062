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

// report is what was made, what was recorded, and what scallop took for it.
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

	usage []usage // over time; the last one when the load ended
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

// findings lists what is not as it must be.
func (r *report) findings() []string {
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
	return append(all, growth(r.usage)...)
}

const mib = 1 << 20

func (r *report) write(w io.Writer) error {
	for _, table := range []func(io.Writer) error{r.writeTimes, r.writeSums} {
		if err := table(w); err != nil {
			return err
		}
	}
	for _, what := range r.findings() {
		if _, err := fmt.Fprintf(w, "WRONG: %s\n", what); err != nil {
			return err
		}
	}
	return nil
}

// writeTimes is a row a look: own CPU since the look before.
func (r *report) writeTimes(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "time\town CPU\tresident\tmaps\tdescriptors\t")
	for i, u := range r.usage {
		cpu := "-"
		if i > 0 {
			cpu = share(u, r.usage[i-1])
		}
		fmt.Fprintf(table, "%s\t%s\t%.1f MiB\t%.1f MiB\t%d\t\n", u.at.Round(time.Second), cpu, float64(u.resident)/mib, float64(u.maps)/mib, u.files)
	}
	fmt.Fprintln(table)
	return table.Flush()
}

func (r *report) writeSums(w io.Writer) error {
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
	if n := len(r.usage); n > 0 {
		first, last := r.usage[0], r.usage[n-1]
		row("scallop's own CPU", "%s of a core", share(last, first))
		row("its resident memory", "%.1f MiB (at most %.1f)", float64(last.resident)/mib, float64(last.peak)/mib)
		row("kernel memory of the maps", "%.1f MiB (room for %d)", float64(last.maps)/mib, r.room)
	}
	return table.Flush()
}

// share of a core between two looks.
func share(now, before usage) string {
	return fmt.Sprintf("%.1f %%", 100*float64(now.cpu-before.cpu)/float64(max(1, now.at-before.at)))
}

func sum(m map[string]uint64) (n uint64) {
	for _, v := range m {
		n += v
	}
	return n
}
