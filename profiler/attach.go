package profiler

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// attach hangs every program on its tracepoint, or none.
func (k *kernelObjects) attach() error {
	for _, p := range k.probes {
		if k.uncounted && p.tracepoint == sysEnterName {
			continue
		}
		l, err := Attach(p.tracepoint, p.kind, p.program)
		if err != nil {
			k.detach()
			return &HostError{fmt.Sprintf("attaching to tracepoint %s as %s", p.tracepoint, p.kind), err, AskDoctor}
		}
		k.links = append(k.links, l)
	}
	return nil
}

// perfGroup is the group of a trace event that programs are attached to perf-style; empty: to that they
// never are.
func perfGroup(tracepoint string) string {
	switch tracepoint {
	case sysEnterName, "sys_exit":
		return "raw_syscalls"
	case "sched_process_exec", "sched_process_exit":
		return "sched"
	default:
		return ""
	}
}

// KindOf is how a program hangs on a tracepoint where all together hang as probe: ProbePerf is for those alone that
// the kernel may preempt.
func KindOf(tracepoint, probe string) string {
	if probe == ProbePerf && perfGroup(tracepoint) == "" {
		return ProbeTpBTF
	}
	return probe
}

// Attach hangs a program on a tracepoint, as KindOf says.
func Attach(tracepoint, kind string, program *ebpf.Program) (link.Link, error) {
	switch kind {
	case ProbePerf:
		return attachPerf(perfGroup(tracepoint), tracepoint, program)
	case ProbeRaw:
		return link.AttachRawTracepoint(link.RawTracepointOptions{Name: tracepoint, Program: program})
	default:
		return link.AttachTracing(link.TracingOptions{Program: program})
	}
}

// attachPerf hangs a program on a trace event of all CPUs and tasks. The perf event that it takes stays off, which
// link.Tracepoint does not offer: the program runs all the same, and the kernel need not look after a record.
func attachPerf(group, name string, program *ebpf.Program) (link.Link, error) {
	id, err := eventID(group, name)
	if err != nil {
		return nil, err
	}
	event, err := openEvent(unix.PERF_TYPE_TRACEPOINT, id)
	if err != nil {
		return nil, err
	}
	defer unix.Close(event) // the link holds it
	return link.AttachRawLink(link.RawLinkOptions{Target: event, Program: program, Attach: ebpf.AttachPerfEvent})
}

// openEvent opens a perf event, which is off. Debian has kernel.perf_event_paranoid=3, which is for cap_sys_admin; cap_perfmon opens
// them up to 2.
func openEvent(kind uint32, config uint64) (fd int, err error) {
	attr := unix.PerfEventAttr{Type: kind, Config: config, Sample: 1, Bits: unix.PerfBitDisabled}
	fd, err = openOnAnyCPU(&attr)
	if err != nil {
		return 0, &HostError{"opening a perf event", err, "sysctl kernel.perf_event_paranoid=2, or add cap_sys_admin"}
	}
	return fd, nil
}

// openOnAnyCPU takes the first CPU that is online: an event that is off does not mind which.
func openOnAnyCPU(attr *unix.PerfEventAttr) (fd int, err error) {
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return 0, err
	}
	for cpu := range cpus {
		fd, err = unix.PerfEventOpen(attr, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
		if !errors.Is(err, unix.ENODEV) {
			break
		}
	}
	return fd, err
}
