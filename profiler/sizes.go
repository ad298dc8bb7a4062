package profiler

import (
	"fmt"
	"math/bits"
	"os"

	"github.com/cilium/ebpf"

	"github.com/scallop-sec/scallop/bpf"
)

// Sizes says how much a Recorder has room for. What does not fit is counted as a
// loss; nothing grows at run time.
type Sizes struct {
	Workloads int // recorded at a time
	Cgroups   int // recorded at a time, children included
	// Calls is the number of different (workload, phase, ABI, number).
	Calls    int
	Exes     int // different executables
	Entrants int // processes between joining a workload and their execve
}

// Limits that the kernel side's types set.
const (
	maxWorkloads = noWorkload // a 16-bit field in cgroup_index
	maxSlots     = 1 << 16    // a 16-bit field in struct workload, slot 0 unused
)

// SizesFor gives room for n workloads of the kind seen in practice: a server
// makes 60 to 120 different calls, most of them in two or three phases.
func SizesFor(n int) Sizes {
	s := Sizes{
		Workloads: n,
		Cgroups:   max(64, 4*n),
		Calls:     min(maxSlots-1, 2048+250*n),
		Exes:      min(8192, 256+12*n),
		Entrants:  max(256, 2*n),
	}
	return s
}

func (s Sizes) check() error {
	switch {
	case s.Workloads < 1 || s.Workloads > maxWorkloads:
		return fmt.Errorf("room for %d workloads: choose 1 to %d", s.Workloads, maxWorkloads)
	case s.Calls < 1 || s.Calls > maxSlots-1:
		return fmt.Errorf("room for %d different calls: choose 1 to %d", s.Calls, maxSlots-1)
	case s.Cgroups < 1 || s.Exes < 1 || s.Entrants < 1:
		return fmt.Errorf("room for no cgroup, executable or entrant: choose at least 1 of each")
	}
	return nil
}

func (s Sizes) slotsPerCPU() int { return s.Calls + 1 }

const slotBytes = 8 // a counter

// buckets keeps the index at most half full.
func (s Sizes) buckets() int {
	return max(1024, 1<<bits.Len(uint(2*s.Cgroups-1)))
}

// eventBytes is room for some 3,000 events: a workload makes about four.
const eventBytes = 256 << 10

// apply sets the sizes in a spec, for a machine with that many possible CPUs.
func (s Sizes) apply(spec *ebpf.CollectionSpec, cpus int) error {
	entries := map[string]int{
		bpf.ScallopMapWorkloads:     s.Workloads,
		bpf.ScallopMapCgroupIndex:   s.buckets(),
		bpf.ScallopMapCgroups:       s.Cgroups,
		bpf.ScallopMapEntrants:      s.Entrants,
		bpf.ScallopMapSettled:       s.Entrants,
		bpf.ScallopMapFreeSlots:     s.Calls,
		bpf.ScallopMapFreeWorkloads: s.Workloads,
		bpf.ScallopMapBirths:        s.Workloads,
		bpf.ScallopMapCalls:         s.Calls,
		bpf.ScallopMapCounts:        cpus,
		bpf.ScallopMapLosses:        (s.Workloads + 1) * int(bpf.ScallopLossLOSSES),
		bpf.ScallopMapExes:          s.Exes,
		bpf.ScallopMapEvents:        max(eventBytes, os.Getpagesize()),
	}
	for name, n := range entries {
		m, ok := spec.Maps[name]
		if !ok {
			return fmt.Errorf("the BPF object has no map %q: rebuild it with `make generate`", name)
		}
		m.MaxEntries = uint32(n)
	}
	spec.Maps[bpf.ScallopMapCounts].ValueSize = uint32(s.slotsPerCPU() * slotBytes)
	if err := spec.Variables[bpf.ScallopVarSlotsPerCpu].Set(uint32(s.slotsPerCPU())); err != nil {
		return err
	}
	if err := spec.Variables[bpf.ScallopVarNoWorkloadRow].Set(uint32(s.Workloads)); err != nil {
		return err
	}
	return spec.Variables[bpf.ScallopVarCgroupMask].Set(uint32(s.buckets() - 1))
}

// Kernel bookkeeping per element, from Linux 6.18: kernel/bpf/hashtab.c
// (struct htab_elem 48 bytes, one 16-byte bucket per power of two of elements, and
// per-CPU spare elements), kernel/bpf/arraymap.c, kernel/bpf/queue_stack_maps.c.
const (
	hashElemBytes   = 48
	hashBucketBytes = 16
	pageBytes       = 4096
)

// MemoryBytes is the kernel memory of all maps, in bytes, computed from their
// definitions, on a machine with that many possible CPUs.
func (s Sizes) MemoryBytes(cpus int) (int, error) {
	spec, err := bpf.LoadScallop()
	if err != nil {
		return 0, err
	}
	if err := s.apply(spec, cpus); err != nil {
		return 0, err
	}
	total := 0
	for _, m := range spec.Maps {
		if !isGlobalData(m) {
			total += mapBytes(m, cpus)
		}
	}
	return total, nil
}

// isGlobalData is true for .rodata and .bss: some bytes, or not loaded at all.
func isGlobalData(m *ebpf.MapSpec) bool { return m.Name[0] == '.' }

func mapBytes(m *ebpf.MapSpec, cpus int) int {
	n := int(m.MaxEntries)
	value := align(int(m.ValueSize), 8)
	switch m.Type {
	case ebpf.Hash, ebpf.LRUHash:
		elem := hashElemBytes + align(int(m.KeySize), 8) + value
		buckets := 1 << bits.Len(uint(n-1))
		return (n+cpus)*elem + buckets*hashBucketBytes
	case ebpf.PerCPUArray:
		return n * value * cpus
	case ebpf.Queue:
		return (n + 1) * int(m.ValueSize)
	case ebpf.RingBuf:
		return n + 3*pageBytes
	default:
		return align(n*value, pageBytes)
	}
}

func align(n, to int) int { return (n + to - 1) / to * to }
