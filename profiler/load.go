package profiler

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/scallop-sec/scallop/bpf"
)

// kernelObjects is all that scallop has in the kernel.
type kernelObjects struct {
	maps   bpf.ScallopMaps
	probes []probe // in the order of attaching
	kind   string  // one of Probes
	links  []link.Link

	uncounted bool // sys_enter stays alone
	forced    bool // by Options.Probe
}

// loadObjects loads maps and programs, whole or not at all. An empty Probe takes
// the first of Probes that loads.
func loadObjects(opts Options) (*kernelObjects, error) {
	defer RaiseMemlock()()
	kinds := []string{opts.Probe}
	if opts.Probe == "" {
		kinds = Probes()
	}
	var failed error
	for _, kind := range kinds {
		k, err := loadKind(kind, opts)
		if err == nil {
			k.uncounted, k.forced = opts.Uncounted, opts.Probe != ""
			return k, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, loadError(failed, opts.Types)
}

func loadKind(kind string, opts Options) (*kernelObjects, error) {
	switch kind {
	case ProbePerf:
		return loadPerf(opts)
	case ProbeRaw:
		return loadRaw(opts)
	default:
		return loadTyped(opts)
	}
}

func loadInto(objs any, opts Options) error {
	if err := opts.Sizes.check(); err != nil {
		return err
	}
	spec, err := bpf.LoadScallop()
	if err != nil {
		return err
	}
	cpus, err := possibleCPUs()
	if err != nil {
		return err
	}
	if err := opts.Sizes.apply(spec, cpus); err != nil {
		return err
	}
	if err := opts.configure(spec); err != nil {
		return err
	}
	return spec.LoadAndAssign(objs, &ebpf.CollectionOptions{Programs: ebpf.ProgramOptions{KernelTypes: opts.Types}})
}

// configure sets what the kernel side is to do, besides how much it has room for.
func (o *Options) configure(spec *ebpf.CollectionSpec) error {
	values := o.hierarchy.constants()
	values[bpf.ScallopVarWatchMoves] = o.Containers
	values[bpf.ScallopVarBirthStopSignals] = signalMask(o.BirthStopSignals)
	for name, value := range values {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("setting %s: %w", name, err)
		}
	}
	return nil
}

func (k *kernelObjects) detach() {
	for i := len(k.links) - 1; i >= 0; i-- {
		k.links[i].Close()
	}
	k.links = nil
}

func (k *kernelObjects) close() {
	k.detach()
	for _, p := range k.probes {
		p.program.Close()
	}
	k.maps.Close()
}

// missed returns how many runs of sys_enter, and of the other programs, the
// kernel skipped because the same program was running on that CPU already.
// Kernels before 5.12 do not count it (and do not skip tracepoint programs).
func (k *kernelObjects) missed() (sysEnter, others uint64, err error) {
	for _, p := range k.probes {
		stats, err := p.program.Stats()
		if err != nil {
			return 0, 0, fmt.Errorf("asking how many runs of %s were skipped: %w", p.tracepoint, err)
		}
		if p.tracepoint == sysEnterName {
			sysEnter += stats.RecursionMisses
		} else {
			others += stats.RecursionMisses
		}
	}
	return sysEnter, others, nil
}
