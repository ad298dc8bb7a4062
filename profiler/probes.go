package profiler

import (
	"github.com/cilium/ebpf"

	"github.com/scallop-sec/scallop/bpf"
)

// Probes: how the programs hang on the tracepoints.
const (
	ProbeTpBTF = "tp_btf"
	ProbeRaw   = "raw_tracepoint"
	// ProbePerf is tp_btf, but perf-style where a kernel preempts tp_btf programs. See sysEnterSleeps.
	ProbePerf = "tracepoint"
)

// Probes lists what this kernel can be recorded by, the best one first.
func Probes() []string {
	switch {
	case canRecordPerf() != nil:
		return []string{ProbeTpBTF, ProbeRaw}
	case sysEnterSleeps():
		return []string{ProbePerf, ProbeTpBTF, ProbeRaw}
	default:
		return []string{ProbeTpBTF, ProbeRaw, ProbePerf}
	}
}

// LosslessProbes are those that miss no call on this kernel.
func LosslessProbes() []string {
	probes := Probes()
	if probes[0] == ProbePerf {
		return probes[:1]
	}
	return probes
}

// sysEnterName is the tracepoint where calls are counted.
const sysEnterName = "sys_enter"

// probe is one program and the tracepoint it is for.
type probe struct {
	tracepoint string
	program    *ebpf.Program
	kind       string // as KindOf says
}

// Those that the kernel runs with preemption off anywhere: under cgroup_mutex with interrupts off, under the
// run queue's lock, and under the lock of the target's signals.
type lockedPrograms struct {
	CgroupMkdir  *ebpf.Program `ebpf:"cgroup_mkdir"`
	CgroupRmdir  *ebpf.Program `ebpf:"cgroup_rmdir"`
	CgroupAttach *ebpf.Program `ebpf:"cgroup_attach_task"`
	Fork         *ebpf.Program `ebpf:"sched_wakeup_new"`
	Signal       *ebpf.Program `ebpf:"signal_generate"`
}

type typedPrograms struct {
	lockedPrograms
	Exec     *ebpf.Program `ebpf:"sched_process_exec"`
	Exit     *ebpf.Program `ebpf:"sched_process_exit"`
	SysEnter *ebpf.Program `ebpf:"sys_enter"`
}

type perfPrograms struct {
	lockedPrograms
	Exec     *ebpf.Program `ebpf:"sched_process_exec_perf"`
	Exit     *ebpf.Program `ebpf:"sched_process_exit_perf"`
	SysEnter *ebpf.Program `ebpf:"sys_enter_perf"`
}

type rawPrograms struct {
	CgroupMkdir  *ebpf.Program `ebpf:"cgroup_mkdir_raw"`
	CgroupRmdir  *ebpf.Program `ebpf:"cgroup_rmdir_raw"`
	CgroupAttach *ebpf.Program `ebpf:"cgroup_attach_task_raw"`
	Fork         *ebpf.Program `ebpf:"sched_wakeup_new_raw"`
	Signal       *ebpf.Program `ebpf:"signal_generate_raw"`
	Exec         *ebpf.Program `ebpf:"sched_process_exec_raw"`
	Exit         *ebpf.Program `ebpf:"sched_process_exit_raw"`
	SysEnter     *ebpf.Program `ebpf:"sys_enter_raw"`
}

// probeList is in the order of attaching: sys_enter is the last, when everything that decides where a
// call belongs is in place.
func probeList(kind string, p lockedPrograms, exec, exit, enter *ebpf.Program) []probe {
	list := []probe{
		{tracepoint: "cgroup_mkdir", program: p.CgroupMkdir},
		{tracepoint: "cgroup_rmdir", program: p.CgroupRmdir},
		{tracepoint: "cgroup_attach_task", program: p.CgroupAttach},
		{tracepoint: "sched_wakeup_new", program: p.Fork},
		{tracepoint: "signal_generate", program: p.Signal},
		{tracepoint: "sched_process_exec", program: exec},
		{tracepoint: "sched_process_exit", program: exit},
		{tracepoint: sysEnterName, program: enter},
	}
	for i := range list {
		list[i].kind = KindOf(list[i].tracepoint, kind)
	}
	return list
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
	return &kernelObjects{maps: objs.ScallopMaps, kind: ProbeTpBTF,
		probes: probeList(ProbeTpBTF, p.lockedPrograms, p.Exec, p.Exit, p.SysEnter)}, nil
}

func loadPerf(opts Options) (*kernelObjects, error) {
	if err := canRecordPerf(); err != nil {
		return nil, err
	}
	var objs struct {
		bpf.ScallopMaps
		perfPrograms
	}
	if err := loadInto(&objs, opts); err != nil {
		return nil, err
	}
	p := objs.perfPrograms
	return &kernelObjects{maps: objs.ScallopMaps, kind: ProbePerf,
		probes: probeList(ProbePerf, p.lockedPrograms, p.Exec, p.Exit, p.SysEnter)}, nil
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
	locked := lockedPrograms{p.CgroupMkdir, p.CgroupRmdir, p.CgroupAttach, p.Fork, p.Signal}
	return &kernelObjects{maps: objs.ScallopMaps, kind: ProbeRaw,
		probes: probeList(ProbeRaw, locked, p.Exec, p.Exit, p.SysEnter)}, nil
}
