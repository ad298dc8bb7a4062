package profiler

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"sync/atomic"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/scallop-sec/scallop/bpf"
	"github.com/scallop-sec/scallop/profiler/cgroup"
)

// Names below the folder of a pinned recorder.
const (
	pinnedMap     = "map-"
	pinnedProgram = "prog-"
	pinnedLink    = "link-"
)

// Pin gives everything that this recorder has in the kernel a name in dir, an empty folder of a bpffs: it goes on
// counting when this process ends. Start it first.
func (r *Recorder) Pin(dir string) error {
	err := errors.Join(r.pinMaps(dir), r.pinProbes(dir))
	if err != nil {
		return errors.Join(fmt.Errorf("pinning the recorder: %w: is %s on a bpffs?", err, dir), Unpin(dir))
	}
	return nil
}

func (r *Recorder) pinMaps(dir string) error {
	return eachMap(&r.objects.maps, func(name string, m **ebpf.Map) error {
		return (*m).Pin(filepath.Join(dir, pinnedMap+name))
	})
}

func (r *Recorder) pinProbes(dir string) error {
	for i, p := range r.objects.probes {
		name := p.kind + "-" + p.tracepoint
		if err := p.program.Pin(filepath.Join(dir, pinnedProgram+name)); err != nil {
			return err
		}
		if err := r.objects.links[i].Pin(filepath.Join(dir, pinnedLink+name)); err != nil {
			return err
		}
	}
	return nil
}

// eachMap visits the generated struct's maps by their names in the kernel side.
func eachMap(maps *bpf.ScallopMaps, visit func(name string, m **ebpf.Map) error) error {
	v := reflect.ValueOf(maps).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("ebpf")
		if err := visit(name, v.Field(i).Addr().Interface().(**ebpf.Map)); err != nil {
			return fmt.Errorf("map %s: %w", name, err)
		}
	}
	return nil
}

// Unpin takes the names away: what nobody else holds is gone from the kernel then.
func Unpin(dir string) error {
	err := os.RemoveAll(dir)
	if err != nil {
		return fmt.Errorf("unpinning %s: %w: remove it with rm -r as root", dir, err)
	}
	return nil
}

// OpenPinned takes a recorder over that another process pinned, and that has been counting since.
func OpenPinned(dir string) (*Recorder, error) {
	cpus, err := possibleCPUs()
	if err != nil {
		return nil, err
	}
	mount, err := cgroup.FindMount()
	if err != nil {
		return nil, err
	}
	objects, err := loadPinned(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("taking over what is pinned in %s: %w: scallop was killed before everything was pinned", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("taking over what is pinned in %s: %w", dir, err)
	}
	r := &Recorder{mount: mount, objects: objects, cpus: cpus, sizes: sizesOf(&objects.maps), joined: map[int][]uint64{}}
	if err := r.takeOver(); err != nil {
		r.Close()
		return nil, fmt.Errorf("taking over what is pinned in %s: %w", dir, err)
	}
	return r, nil
}

func loadPinned(dir string) (*kernelObjects, error) {
	k := &kernelObjects{}
	err := eachMap(&k.maps, func(name string, m **ebpf.Map) (err error) {
		*m, err = ebpf.LoadPinnedMap(filepath.Join(dir, pinnedMap+name), nil)
		return err
	})
	if err != nil {
		closeMaps(&k.maps)
		return nil, err
	}
	for _, kind := range []string{ProbeTpBTF, ProbeRaw, ProbePerf} {
		if _, err := os.Stat(filepath.Join(dir, pinnedLink+kind+"-sys_enter")); err == nil {
			k.kind = kind
		}
	}
	for _, p := range probeList(k.kind, lockedPrograms{}, nil, nil, nil) {
		if err := k.loadProbe(dir, p); err != nil {
			k.detach()
			closeMaps(&k.maps)
			return nil, err
		}
	}
	return k, nil
}

func (k *kernelObjects) loadProbe(dir string, p probe) (err error) {
	name := p.kind + "-" + p.tracepoint
	if p.program, err = ebpf.LoadPinnedProgram(filepath.Join(dir, pinnedProgram+name), nil); err != nil {
		return fmt.Errorf("program %s: %w", p.tracepoint, err)
	}
	k.probes = append(k.probes, p)
	l, err := link.LoadPinnedLink(filepath.Join(dir, pinnedLink+name), nil)
	if err != nil {
		return fmt.Errorf("link %s: %w", p.tracepoint, err)
	}
	k.links = append(k.links, l)
	return nil
}

// closeMaps closes those that were loaded.
func closeMaps(maps *bpf.ScallopMaps) {
	_ = eachMap(maps, func(_ string, m **ebpf.Map) error {
		if *m != nil {
			(*m).Close()
		}
		return nil
	})
}

// sizesOf what was loaded by another process.
func sizesOf(m *bpf.ScallopMaps) Sizes {
	return Sizes{
		Workloads: int(m.Workloads.MaxEntries()),
		Cgroups:   int(m.Cgroups.MaxEntries()),
		Calls:     int(m.Calls.MaxEntries()),
		Exes:      int(m.Exes.MaxEntries()),
		Entrants:  int(m.Entrants.MaxEntries()),
	}
}

// takeOver checks that the maps are what this version of scallop makes, and finds out what its own
// process would have remembered.
func (r *Recorder) takeOver() error {
	if err := r.checkLayout(); err != nil {
		return err
	}
	if err := r.mapAll(); err != nil {
		return err
	}
	return readAll(r.objects, r.objects.maps.Cgroups, func(id uint64, member uint32) {
		if w := int(member & bpf.ScallopWorkloadMask); w != noWorkload && !r.kernelIndexed(id, member) {
			r.joined[w] = append(r.joined[w], id)
		}
	})
}

// kernelIndexed tells whether the kernel side put the cgroup into the index, and not Join.
func (r *Recorder) kernelIndexed(id uint64, member uint32) bool {
	return member&bpf.ScallopMemberOverflowed != 0 || atomic.LoadUint64(&r.bucket(id).Child)>>16 == id
}

// checkLayout compares the maps with what this version would have made in their place.
func (r *Recorder) checkLayout() error {
	spec, err := bpf.LoadScallop()
	if err != nil {
		return err
	}
	if err := r.sizes.check(); err != nil {
		return err
	}
	if err := r.sizes.apply(spec, r.cpus); err != nil {
		return err
	}
	return eachMap(&r.objects.maps, func(name string, m **ebpf.Map) error {
		want := spec.Maps[name]
		got := *m
		if got.Type() != want.Type || got.KeySize() != want.KeySize || got.ValueSize() != want.ValueSize || got.MaxEntries() != want.MaxEntries {
			return errors.New("it was made by another version of scallop: end the recording with that version")
		}
		return nil
	})
}

// Unknown are the workloads that are neither free nor known to the caller, nor were they born. Orphans still have cgroups. The
// rest have none: the process before this one ended while it was giving them back.
func (r *Recorder) Unknown(known func(w int) bool) (orphans, rest []int, err error) {
	free, err := r.freeNumbers()
	if err != nil {
		return nil, nil, err
	}
	inUse := map[int]bool{}
	err = readAll(r.objects, r.objects.maps.Cgroups, func(_ uint64, member uint32) { inUse[int(member&bpf.ScallopWorkloadMask)] = true })
	for w := range r.workloads {
		_, born := r.Birth(w)
		switch {
		case free[w] || born || known(w):
		case inUse[w]:
			orphans = append(orphans, w)
		default:
			rest = append(rest, w)
		}
	}
	return orphans, rest, err
}

// Root is the ID of the cgroup that is workload w's root.
func (r *Recorder) Root(w int) uint64 { return atomic.LoadUint64(&r.workloads[w].Root) }

// freeNumbers turns the queue once around. It is never without what it held but for the one number that is on its way.
func (r *Recorder) freeNumbers() (map[int]bool, error) {
	free, queue := map[int]bool{}, r.objects.maps.FreeWorkloads
	for {
		var w uint32
		err := r.objects.pop(queue, &w)
		if errors.Is(err, ebpf.ErrKeyNotExist) || errors.Is(err, fs.ErrNotExist) {
			return free, nil
		}
		if err != nil {
			return nil, fmt.Errorf("asking which workloads are free: %w", err)
		}
		if err := r.objects.push(queue, w); err != nil {
			return nil, fmt.Errorf("asking which workloads are free: %w", err)
		}
		if free[int(w)] {
			return free, nil
		}
		free[int(w)] = true
	}
}

// Leader is the process ID of workload w's leader, 0 if there is none yet, or none any more.
func (r *Recorder) Leader(w int) int {
	if leader := atomic.LoadUint32(&r.workloads[w].Leader); leader != bpf.ScallopLeaderGone {
		return int(leader)
	}
	return 0
}
