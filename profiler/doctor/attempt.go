package doctor

import (
	"context"
	"errors"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/bpf"
	"github.com/scallop-sec/scallop/profiler"
	"github.com/scallop-sec/scallop/profiler/cgroup"
	"github.com/scallop-sec/scallop/profiler/launch"
)

// SelfTest is one real load, attach, count and detach.
type SelfTest struct {
	Probe   string
	Made    uint64 // calls
	Counted uint64
	Losses  uint64
	Err     error
}

// errNoCgroup: why there is none is for the checks of cgroups to tell.
var errNoCgroup = errors.New("nothing could be counted without a cgroup")

// selfTestCalls is enough that a single lost or doubled call shows.
const selfTestCalls = 10_000

// readTracepoints lists the tracepoints of scallop's programs that the kernel's
// types do not have: btf_trace_NAME is the type of tracepoint NAME's callback.
func readTracepoints(types *btf.Spec) (missing []string, err error) {
	if types == nil {
		if types, err = btf.LoadKernelSpec(); err != nil {
			return nil, err
		}
	}
	spec, err := bpf.LoadScallop()
	if err != nil {
		return nil, err
	}
	for _, p := range spec.Programs {
		var callback *btf.Typedef
		if p.Type == ebpf.Tracing && types.TypeByName("btf_trace_"+p.AttachTo, &callback) != nil {
			missing = append(missing, p.AttachTo)
		}
	}
	slices.Sort(missing)
	return missing, nil
}

// attemptCgroup makes a cgroup, starts a child in it and removes it.
func attemptCgroup(f *Facts, child []string) {
	c, err := cgroup.CreateForRun(f.Mount, "doctor")
	if err != nil {
		f.MkdirErr = err
		return
	}
	f.CloneErr = errors.Join(runIn(c, child), c.Remove())
}

// runIn runs a child in the cgroup, until its last process is gone.
func runIn(c *cgroup.Cgroup, args []string) error {
	cmd, err := launch.Start(launch.Options{Args: args, Cgroup: c})
	if err != nil {
		return err
	}
	return errors.Join(cmd.Wait(), c.WaitEmpty(context.Background()))
}

// selfTest does all that a recording does.
func selfTest(probe string, types *btf.Spec, mount cgroup.Mount, mountErr error, child func(int) []string) SelfTest {
	t := SelfTest{Probe: probe, Made: selfTestCalls}
	if mountErr != nil {
		t.Err = errNoCgroup
		return t
	}
	recorder, err := profiler.Open(profiler.Options{Sizes: profiler.SizesFor(1), Probe: probe, Types: types})
	if err != nil {
		t.Err = err
		return t
	}
	t.Err = t.count(recorder, mount, child(selfTestCalls))
	t.Err = errors.Join(t.Err, recorder.Close())
	return t
}

func (t *SelfTest) count(r *profiler.Recorder, mount cgroup.Mount, child []string) (err error) {
	c, err := cgroup.CreateForRun(mount, "doctor-"+t.Probe)
	if err != nil {
		return errNoCgroup
	}
	defer func() { err = errors.Join(err, c.Remove()) }()
	id, err := c.ID()
	if err != nil {
		return err
	}
	number, err := r.AddWorkload(profiler.WorkloadOptions{CgroupID: id, Phase: profiler.PhaseStartup})
	if err != nil {
		return err
	}
	if err := r.Start(); err != nil {
		return err
	}
	if err := runIn(c, child); err != nil {
		return err
	}
	snapshot, err := r.Snapshot(number)
	if err != nil {
		return err
	}
	t.read(snapshot)
	return nil
}

func (t *SelfTest) read(s *profiler.Snapshot) {
	for _, call := range s.Calls {
		if call.ABI == 0 && call.Nr == unix.SYS_GETPPID {
			t.Counted += call.Count
		}
	}
	for _, n := range s.Losses {
		t.Losses += n
	}
}
