package profiler

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// sysEnterSleeps tells whether the kernel runs raw programs on sys_enter with preemption on (Linux 7.2): a task
// that is preempted inside has all others of that CPU skipped. Attempted, not looked up: of the kernels since
// countsPerfMisses, only such ones load a program there that may sleep (6.1 does, too).
func sysEnterSleeps() bool {
	if countsNoPerfMisses() != nil {
		return false
	}
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.Tracing,
		AttachType:   ebpf.AttachTraceRawTp,
		AttachTo:     sysEnterName,
		Flags:        unix.BPF_F_SLEEPABLE,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
		License:      "MIT",
	})
	if err != nil {
		return false
	}
	program.Close()
	return true
}

// countsPerfMisses is the first release that counts the runs of perf-style programs that it skips
// (trace_call_bpf). Before, they would be lost silently, and nothing that could be attempted tells.
var countsPerfMisses = KernelVersion{6, 7}

// countsNoPerfMisses says so of a kernel that is older.
func countsNoPerfMisses() error {
	release := runningKernel()
	if version, known := ParseKernelVersion(release); known && version.Before(countsPerfMisses) {
		return fmt.Errorf("attaching as %s: Linux %s does not count the runs that it skips: use %s", ProbePerf, release, ProbeTpBTF)
	}
	return nil
}

// canRecordPerf says why perf-style programs cannot be used. It attempts an event that is none: to give up one of a tracepoint takes
// 30 ms.
func canRecordPerf() error {
	if err := countsNoPerfMisses(); err != nil {
		return err
	}
	if _, err := eventID("raw_syscalls", sysEnterName); err != nil {
		return err
	}
	event, err := openEvent(unix.PERF_TYPE_SOFTWARE, unix.PERF_COUNT_SW_DUMMY)
	if err == nil {
		unix.Close(event)
	}
	return err
}

// PerfRefused says why perf-style programs cannot be used where they are needed: on kernels that preempt others. nil: they can
// be used, or are not needed. Otherwise it is a HostError.
func PerfRefused() error {
	err := canRecordPerf()
	if err == nil || !sysEnterSleeps() {
		return nil
	}
	return err
}

// MayMiss says why calls may be missed, which are counted then, for want of something that kernels need which preempt programs. nil:
// they are not.
func (r *Recorder) MayMiss() error {
	var err error
	switch {
	case r.objects.kind == ProbePerf:
		var restore func()
		if restore, err = aboveAll(); err != nil {
			err = fmt.Errorf("while scallop reads its maps: real-time priority: %w: add cap_sys_nice", err)
		}
		restore()
	case !r.objects.forced:
		err = PerfRefused()
	}
	if err != nil {
		return fmt.Errorf("calls may be missed, and counted as %s, %w", LossCallsMissed, err)
	}
	return nil
}
