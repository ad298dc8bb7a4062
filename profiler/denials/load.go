package denials

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/bpf/denials"
	"github.com/scallop-sec/scallop/profiler"
)

// Options of a Watcher.
type Options struct {
	// Probe forces profiler.ProbeTpBTF or ProbeRaw; empty takes what loads.
	Probe string
	// Phases is the map of a recorder beside it (profiler.Recorder.PhaseMap), whose numbers of workloads Watch
	// is given then; nil: no phases are known.
	Phases *ebpf.Map
	// Judges are the calls whose arguments are counted as well.
	Judges []Judge
}

// Room: what the kernel side has memory for, about 5 MB in all.
const (
	maxTasks   = 1 << 15
	maxDenials = 1 << 13
	maxCgroups = 1 << 12
)

// tracepoints in the order of attaching: the entries come before the exits, so that no exit of a call
// that began after them lacks its entry.
var tracepoints = []string{
	"cgroup_mkdir", "cgroup_rmdir", "sched_process_fork", "sched_process_exec", "sched_process_exit",
	"signal_generate", "signal_deliver", "sys_enter", "sys_exit",
}

// load loads what is for the probe, whole or not at all.
func load(opts Options, probe string) (*ebpf.Collection, error) {
	spec, err := denials.LoadDenials()
	if err != nil {
		return nil, err
	}
	spec.Maps[denials.DenialsMapTasks].MaxEntries = maxTasks
	spec.Maps[denials.DenialsMapDenials].MaxEntries = maxDenials
	spec.Maps[denials.DenialsMapWatched].MaxEntries = maxCgroups
	spec.Maps[denials.DenialsMapJudged].MaxEntries = maxDenials
	spec.Maps[denials.DenialsMapJudges].MaxEntries = maxJudges
	if err := spec.Variables[denials.DenialsVarJudging].Set(len(opts.Judges) > 0); err != nil {
		return nil, err
	}
	replace, err := replacements(spec, opts.Phases)
	if err != nil {
		return nil, err
	}
	keepPrograms(spec, probe)
	return ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: replace})
}

// replacements gives the kernel side the recorder's phases in place of its own.
func replacements(spec *ebpf.CollectionSpec, phases *ebpf.Map) (map[string]*ebpf.Map, error) {
	if phases == nil {
		return nil, nil
	}
	flags, own := phases.Flags(), spec.Maps[denials.DenialsMapPhases]
	if phases.Type() != ebpf.Array || phases.KeySize() != 4 || phases.ValueSize() < 4 {
		return nil, fmt.Errorf("%s is no map of phases", phases)
	}
	own.ValueSize, own.MaxEntries, own.Flags = phases.ValueSize(), phases.MaxEntries(), flags
	own.Key, own.Value = nil, nil // types are of no use to the kernel here
	return map[string]*ebpf.Map{denials.DenialsMapPhases: phases}, nil
}

// programName is that of the C function for a tracepoint.
func programName(tracepoint, probe string) string {
	if probe == profiler.ProbeRaw {
		return tracepoint + "_raw"
	}
	return tracepoint
}

// keepPrograms leaves those of the probe.
func keepPrograms(spec *ebpf.CollectionSpec, probe string) {
	kept := map[string]*ebpf.ProgramSpec{}
	for _, tracepoint := range tracepoints {
		name := programName(tracepoint, probe)
		kept[name] = spec.Programs[name]
	}
	spec.Programs = kept
}

// loadAny attempts what the options allow, tp_btf first.
func loadAny(opts Options) (*ebpf.Collection, string, error) {
	defer raiseMemlock()()
	probes := []string{profiler.ProbeTpBTF, profiler.ProbeRaw}
	if opts.Probe != "" {
		probes = []string{opts.Probe}
	}
	var failed error
	for _, probe := range probes {
		objects, err := load(opts, probe)
		if err == nil {
			return objects, probe, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, "", profiler.ExplainLoad(failed)
}

// raiseMemlock lifts the memory lock limit, which counts for BPF up to Linux 5.10, until the returned function
// is called. It may fail without CAP_SYS_RESOURCE where it is not needed.
func raiseMemlock() (restore func()) {
	var before unix.Rlimit
	known := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &before) == nil
	_ = rlimit.RemoveMemlock()
	return func() {
		if known {
			_ = unix.Setrlimit(unix.RLIMIT_MEMLOCK, &before)
		}
	}
}

func attach(objects *ebpf.Collection, tracepoint, probe string) (link.Link, error) {
	program := objects.Programs[programName(tracepoint, probe)]
	if probe == profiler.ProbeRaw {
		return link.AttachRawTracepoint(link.RawTracepointOptions{Name: tracepoint, Program: program})
	}
	return link.AttachTracing(link.TracingOptions{Program: program})
}

// cString is what stands before the first NUL.
func cString(b []byte) string {
	s, _, _ := bytes.Cut(b, []byte{0})
	return string(s)
}
