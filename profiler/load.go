package profiler

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/bpf"
)

// Probes: how the programs hang on the tracepoints.
const (
	ProbeTpBTF = "tp_btf"
	ProbeRaw   = "raw_tracepoint"
)

// typedPrograms are the tp_btf ones. sys_enter is attached last, when
// everything that decides where a call belongs is in place.
type typedPrograms struct {
	CgroupMkdir  *ebpf.Program `ebpf:"cgroup_mkdir"`
	CgroupRmdir  *ebpf.Program `ebpf:"cgroup_rmdir"`
	CgroupAttach *ebpf.Program `ebpf:"cgroup_attach_task"`
	Fork         *ebpf.Program `ebpf:"sched_wakeup_new"`
	Exec         *ebpf.Program `ebpf:"sched_process_exec"`
	Exit         *ebpf.Program `ebpf:"sched_process_exit"`
	Signal       *ebpf.Program `ebpf:"signal_generate"`
	SysEnter     *ebpf.Program `ebpf:"sys_enter"`
}

type rawPrograms struct {
	CgroupMkdir  *ebpf.Program `ebpf:"cgroup_mkdir_raw"`
	CgroupRmdir  *ebpf.Program `ebpf:"cgroup_rmdir_raw"`
	CgroupAttach *ebpf.Program `ebpf:"cgroup_attach_task_raw"`
	Fork         *ebpf.Program `ebpf:"sched_wakeup_new_raw"`
	Exec         *ebpf.Program `ebpf:"sched_process_exec_raw"`
	Exit         *ebpf.Program `ebpf:"sched_process_exit_raw"`
	Signal       *ebpf.Program `ebpf:"signal_generate_raw"`
	SysEnter     *ebpf.Program `ebpf:"sys_enter_raw"`
}

// sysEnterName is the tracepoint where calls are counted.
const sysEnterName = "sys_enter"

// probe is one program and the tracepoint it is for.
type probe struct {
	tracepoint string
	program    *ebpf.Program
}

// kernelObjects is all that scallop has in the kernel.
type kernelObjects struct {
	maps   bpf.ScallopMaps
	probes []probe // in the order of attaching
	kind   string  // ProbeTpBTF or ProbeRaw
	links  []link.Link

	uncounted bool // sys_enter stays alone
}

// raiseMemlock lifts the memory lock limit, which counts for BPF up to Linux 5.10, until
// the returned function is called: a command that scallop starts must not inherit it.
// It may fail without CAP_SYS_RESOURCE where it is not needed.
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

// loadObjects loads maps and programs, whole or not at all. An empty Probe takes
// tp_btf where it loads and raw_tracepoint otherwise.
func loadObjects(opts Options) (*kernelObjects, error) {
	defer raiseMemlock()()
	var failed error
	for _, load := range loaders(opts.Probe) {
		k, err := load(opts)
		if err == nil {
			k.uncounted = opts.Uncounted
			return k, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, loadError(failed)
}

// loaders are what to attempt, in this order.
func loaders(kind string) []func(Options) (*kernelObjects, error) {
	switch kind {
	case ProbeTpBTF:
		return []func(Options) (*kernelObjects, error){loadTyped}
	case ProbeRaw:
		return []func(Options) (*kernelObjects, error){loadRaw}
	default:
		return []func(Options) (*kernelObjects, error){loadTyped, loadRaw}
	}
}

func loadTyped(opts Options) (*kernelObjects, error) {
	var objs struct {
		bpf.ScallopMaps
		typedPrograms
	}
	if err := loadInto(&objs, opts); err != nil {
		return nil, err
	}
	p := objs.typedPrograms
	return &kernelObjects{maps: objs.ScallopMaps, kind: ProbeTpBTF, probes: probeList(
		p.CgroupMkdir, p.CgroupRmdir, p.CgroupAttach, p.Fork, p.Exec, p.Exit, p.Signal, p.SysEnter)}, nil
}

func loadRaw(opts Options) (*kernelObjects, error) {
	var objs struct {
		bpf.ScallopMaps
		rawPrograms
	}
	if err := loadInto(&objs, opts); err != nil {
		return nil, err
	}
	p := objs.rawPrograms
	return &kernelObjects{maps: objs.ScallopMaps, kind: ProbeRaw, probes: probeList(
		p.CgroupMkdir, p.CgroupRmdir, p.CgroupAttach, p.Fork, p.Exec, p.Exit, p.Signal, p.SysEnter)}, nil
}

func probeList(mkdir, rmdir, attach, fork, exec, exit, signal, enter *ebpf.Program) []probe {
	return []probe{
		{"cgroup_mkdir", mkdir},
		{"cgroup_rmdir", rmdir},
		{"cgroup_attach_task", attach},
		{"sched_wakeup_new", fork},
		{"sched_process_exec", exec},
		{"sched_process_exit", exit},
		{"signal_generate", signal},
		{sysEnterName, enter},
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
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return fmt.Errorf("counting possible CPUs: %w", err)
	}
	if err := opts.Sizes.apply(spec, cpus); err != nil {
		return err
	}
	if err := opts.configure(spec); err != nil {
		return err
	}
	return spec.LoadAndAssign(objs, nil)
}

// configure sets what the kernel side is to do, besides how much it has room for.
func (o *Options) configure(spec *ebpf.CollectionSpec) error {
	if err := spec.Variables[bpf.ScallopVarWatchMoves].Set(o.Containers); err != nil {
		return err
	}
	return spec.Variables[bpf.ScallopVarBirthStopSignals].Set(signalMask(o.BirthStopSignals))
}

// attach hangs every program on its tracepoint, or none.
func (k *kernelObjects) attach() error {
	for _, p := range k.probes {
		if k.uncounted && p.tracepoint == sysEnterName {
			continue
		}
		l, err := k.attachOne(p)
		if err != nil {
			k.detach()
			return &HostError{fmt.Sprintf("attaching to tracepoint %s as %s", p.tracepoint, k.kind), err, AskDoctor}
		}
		k.links = append(k.links, l)
	}
	return nil
}

func (k *kernelObjects) attachOne(p probe) (link.Link, error) {
	if k.kind == ProbeTpBTF {
		return link.AttachTracing(link.TracingOptions{Program: p.program})
	}
	return link.AttachRawTracepoint(link.RawTracepointOptions{Name: p.tracepoint, Program: p.program})
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
