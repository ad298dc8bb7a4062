// Package profiler records facts: which system calls the tasks of a workload make,
// how often, in which phase. A thin privileged edge (Recorder, and the cgroup,
// launch and ready packages) touches the host; everything that interprets what it
// read is a pure function.
package profiler

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/bpf"
	"github.com/scallop-sec/scallop/profiler/cgroup"
)

// Options of a Recorder.
type Options struct {
	Sizes Sizes
	// Probe forces one of Probes; empty takes the best that loads.
	Probe string
	// Containers says that processes join workloads by a move from cgroup to cgroup, and that
	// workloads are born: all but scallop run.
	Containers bool
	// BirthStopSignals begin the shutdown of a workload that was born, until SetStopSignals.
	BirthStopSignals []syscall.Signal
	// Uncounted leaves calls alone: only workloads, their phases and executables are followed, for what looks at
	// other things beside it (Members).
	Uncounted bool
	// Types are the kernel's own, for one that does not tell them (no BTFPath); nil: it does.
	Types *btf.Spec

	hierarchy hierarchy // Open finds it
}

// Recorder is scallop's programs and maps in the kernel.
type Recorder struct {
	sizes     Sizes
	mount     cgroup.Mount
	hierarchy hierarchy
	objects   *kernelObjects
	events    *ringbuf.Reader
	cpus      int

	// Memory that the kernel side writes, too.
	workloads []bpf.ScallopWorkload
	births    []bpf.ScallopBirth
	index     []bpf.ScallopCgroupBucket
	counts    []uint64
	losses    []uint64
	mappings  [][]byte

	joined map[int][]uint64 // cgroups that Join put into the index, by workload
}

// Open loads everything into the kernel; nothing is attached yet. Errors end with
// the next step; loadError tells what they have in common.
func Open(opts Options) (*Recorder, error) {
	cpus, err := possibleCPUs()
	if err != nil {
		return nil, err
	}
	mount, err := cgroup.FindMount()
	if err != nil {
		return nil, err
	}
	if opts.hierarchy, err = findHierarchy(mount, opts.Types); err != nil {
		return nil, loadError(err, opts.Types)
	}
	objects, err := loadObjects(opts)
	if err != nil {
		return nil, err
	}
	r := &Recorder{sizes: opts.Sizes, mount: mount, hierarchy: opts.hierarchy, objects: objects, cpus: cpus, joined: map[int][]uint64{}}
	if err := r.prepare(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Recorder) prepare() error {
	m := &r.objects.maps
	if err := fillPool(m.FreeSlots, 1, r.sizes.Calls); err != nil {
		return err
	}
	if err := fillPool(m.FreeWorkloads, 0, r.sizes.Workloads); err != nil {
		return err
	}
	return r.mapAll()
}

// mapAll maps the memory that is shared with the kernel side.
func (r *Recorder) mapAll() error {
	m := &r.objects.maps
	var err error
	if r.workloads, err = mapMemory[bpf.ScallopWorkload](r, m.Workloads); err != nil {
		return err
	}
	if r.births, err = mapMemory[bpf.ScallopBirth](r, m.Births); err != nil {
		return err
	}
	if r.index, err = mapMemory[bpf.ScallopCgroupBucket](r, m.CgroupIndex); err != nil {
		return err
	}
	if r.counts, err = mapMemory[uint64](r, m.Counts); err != nil {
		return err
	}
	if r.losses, err = mapMemory[uint64](r, m.Losses); err != nil {
		return err
	}
	if r.events, err = ringbuf.NewReader(m.Events); err != nil {
		return fmt.Errorf("opening the ring buffer of events: %w", err)
	}
	return nil
}

// fillPool hands out n numbers, from first on, for the kernel side to take.
func fillPool(pool *ebpf.Map, first, n int) error {
	for i := range n {
		if err := pool.Put(nil, uint32(first+i)); err != nil {
			return fmt.Errorf("filling %s: %w", pool, err)
		}
	}
	return nil
}

// mapMemory maps an array map's memory: each element is a whole number of T.
func mapMemory[T any](r *Recorder, m *ebpf.Map) ([]T, error) {
	var element T
	size := int(unsafe.Sizeof(element))
	if int(m.ValueSize())%size != 0 {
		return nil, fmt.Errorf("%s has elements of %d bytes, not of %d: rebuild it with `make generate`", m, m.ValueSize(), size)
	}
	n := int(m.MaxEntries()) * int(m.ValueSize()) / size
	mem, err := unix.Mmap(m.FD(), 0, align(n*size, os.Getpagesize()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mapping the memory of %s: %w", m, err)
	}
	r.mappings = append(r.mappings, mem)
	return unsafe.Slice((*T)(unsafe.Pointer(&mem[0])), n), nil
}

// Start attaches everything, or nothing. Calls are counted from here on, for
// workloads added before or later.
func (r *Recorder) Start() error { return r.objects.attach() }

// Probe is how the programs are attached: one of Probes.
func (r *Recorder) Probe() string { return r.objects.kind }

// Mount is where the hierarchy is whose cgroups tell the workloads apart.
func (r *Recorder) Mount() cgroup.Mount { return r.mount }

// CPUs is the number of possible CPUs.
func (r *Recorder) CPUs() int { return r.cpus }

// Close detaches and frees everything in the kernel. It may be called twice.
func (r *Recorder) Close() error {
	if r.objects == nil {
		return nil
	}
	if r.events != nil {
		r.events.Close()
	}
	r.objects.close()
	r.objects = nil
	r.workloads, r.births, r.index, r.counts, r.losses = nil, nil, nil, nil, nil
	var err error
	for _, mem := range r.mappings {
		err = errors.Join(err, unix.Munmap(mem))
	}
	return err
}
