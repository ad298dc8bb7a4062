package denials

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"github.com/scallop-sec/scallop/bpf/denials"
	"github.com/scallop-sec/scallop/profiler"
)

// Options of a Watcher.
type Options struct {
	// Recorder knows which task belongs to which workload and phase. It must outlive the Watcher, and start after it.
	Recorder *profiler.Recorder
	// Probe forces one of profiler.Probes; empty takes the best that loads.
	Probe string
	// Types are the kernel's own, for one that does not tell them: such a kernel has no iterator for Seed. nil: it does.
	Types *btf.Spec
	// Hash keeps the state of tasks in a hash map, as it is done before Linux 5.12.
	Hash bool
	// Judges are the calls whose arguments are counted as well.
	Judges []Judge
	// Stacks keeps the user stack of the first denial of each kind.
	Stacks bool
}

// Room: what the kernel side has memory for, about 6 MB in all; 9 MB with the hash map of tasks.
const (
	maxTasks   = 1 << 15 // in the hash map
	maxDenials = 1 << 13
	maxStacks  = 1 << 10
)

// tracepoints in the order of attaching: the entries come before the exits, so that no exit of a call
// that began after them lacks its entry.
func tracepoints(probe string) []string {
	return []string{fork(probe), "sched_process_exit", "signal_generate", "signal_deliver", "sys_enter", "sys_exit"}
}

// fork is where births are heard of. Kernels that preempt programs may miss one at sched_process_fork, and only they
// can give a task its storage under the run queue's lock (kmalloc_nolock).
func fork(probe string) string {
	if probe == profiler.ProbePerf && profiler.Probes()[0] == probe {
		return "sched_wakeup_new"
	}
	return "sched_process_fork"
}

// way is one of the ways to have the programs in the kernel.
type way struct {
	probe   string
	storage bool // the state of tasks is kept with them
}

// ways to attempt, the cheapest at run time first.
func (o *Options) ways() []way {
	all := []way{{profiler.ProbeTpBTF, true}, {profiler.ProbeTpBTF, false}, {profiler.ProbeRaw, false}}
	if perf := (way{profiler.ProbePerf, true}); profiler.Probes()[0] == perf.probe || o.Probe == perf.probe {
		all = slices.Insert(all, 0, perf)
	}
	return slices.DeleteFunc(all, func(w way) bool {
		return o.Probe != "" && w.probe != o.Probe || o.Hash && w.storage
	})
}

// load loads what is for one way, whole or not at all.
func load(opts Options, w way) (*ebpf.Collection, error) {
	spec, err := denials.LoadDenials()
	if err != nil {
		return nil, err
	}
	for name, n := range map[string]uint32{
		denials.DenialsMapTasks:   maxTasks,
		denials.DenialsMapHomes:   maxTasks,
		denials.DenialsMapDenials: maxDenials,
		denials.DenialsMapStacks:  maxStacks,
		denials.DenialsMapJudged:  maxDenials,
		denials.DenialsMapJudges:  maxJudges,
	} {
		spec.Maps[name].MaxEntries = n
	}
	spec.Maps[denials.DenialsMapStacked].MaxEntries = uint32(os.Getpagesize())
	if !opts.Stacks {
		spec.Maps[denials.DenialsMapStacks].MaxEntries = 1
	}
	keepOneState(spec, w)
	if err := configure(spec, opts, w); err != nil {
		return nil, err
	}
	keepPrograms(spec, opts, w.probe)
	return ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{
		MapReplacements: replacements(spec, opts.Recorder.Members()),
		Programs:        ebpf.ProgramOptions{KernelTypes: opts.Types},
	})
}

// keepOneState makes the map for the state of tasks that is not used one that every kernel has, and of no size.
func keepOneState(spec *ebpf.CollectionSpec, w way) {
	if w.storage {
		spec.Maps[denials.DenialsMapTasks].MaxEntries = 1
		return
	}
	unused := spec.Maps[denials.DenialsMapTasksOwn]
	unused.Type, unused.MaxEntries, unused.Flags = ebpf.Hash, 1, 0
}

func configure(spec *ebpf.CollectionSpec, opts Options, w way) error {
	values := opts.Recorder.MemberConstants()
	values[denials.DenialsVarJudging] = len(opts.Judges) > 0
	values[denials.DenialsVarKeepStacks] = opts.Stacks
	values[denials.DenialsVarTaskStorage] = w.storage
	for name, value := range values {
		if err := spec.Variables[name].Set(value); err != nil {
			return err
		}
	}
	return nil
}

// replacements gives the kernel side the recorder's maps in place of its own.
func replacements(spec *ebpf.CollectionSpec, members map[string]*ebpf.Map) map[string]*ebpf.Map {
	for name, m := range members {
		own := spec.Maps[name]
		own.MaxEntries, own.Flags = m.MaxEntries(), m.Flags()
		own.Key, own.Value = nil, nil // types are of no use to the kernel here
	}
	return members
}

// programName is that of the C function for a tracepoint.
func programName(tracepoint, probe string) string {
	switch profiler.KindOf(tracepoint, probe) {
	case profiler.ProbePerf:
		return tracepoint + "_perf"
	case profiler.ProbeRaw:
		return tracepoint + "_raw"
	default:
		return tracepoint
	}
}

// keepPrograms leaves those of the probe, and the one that visits all tasks.
func keepPrograms(spec *ebpf.CollectionSpec, opts Options, probe string) {
	kept := map[string]*ebpf.ProgramSpec{}
	if opts.Types == nil {
		kept[seedProgram] = spec.Programs[seedProgram]
	}
	for _, tracepoint := range tracepoints(probe) {
		name := programName(tracepoint, probe)
		kept[name] = spec.Programs[name]
	}
	spec.Programs = kept
}

const seedProgram = "seed_tasks"

// loadAny attempts what the options allow. Where other programs are preempted, and skipped then, perf-style ones alone will do: an exit
// whose entry was skipped would pass for a denial.
func loadAny(opts Options) (*ebpf.Collection, string, error) {
	if err := profiler.PerfRefused(); err != nil && opts.Probe == "" {
		return nil, "", fmt.Errorf("watching for denials on a kernel that skips programs: %w", err)
	}
	defer profiler.RaiseMemlock()()
	var failed error
	for _, w := range opts.ways() {
		objects, err := load(opts, w)
		if err == nil {
			return objects, w.probe, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, "", profiler.ExplainLoad(failed, opts.Types)
}
