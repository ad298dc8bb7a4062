package profiler

import (
	"errors"

	"github.com/cilium/ebpf"
)

// batch is the number of elements read from a map at a time. A bucket of the
// kernel's hash map must fit, or the read fails.
const batch = 512

// onMap does one bpf(2) operation on a map. While a task is inside one, the kernel runs no perf-style program on that
// CPU (they share the guard bpf_prog_active): if it were preempted there, the calls of all others would be missed.
func (k *kernelObjects) onMap(operate func() error) error {
	if k.kind == ProbePerf {
		restore, _ := aboveAll() // see MayMiss
		defer restore()
	}
	return operate()
}

func (k *kernelObjects) lookup(m *ebpf.Map, key, value any) error {
	return k.onMap(func() error { return m.Lookup(key, value) })
}

func (k *kernelObjects) update(m *ebpf.Map, key, value any, flags ebpf.MapUpdateFlags) error {
	return k.onMap(func() error { return m.Update(key, value, flags) })
}

// remove takes an element out, if it is there.
func (k *kernelObjects) remove(m *ebpf.Map, key any) error {
	return k.onMap(func() error { return m.Delete(key) })
}

// push and pop are for queues.
func (k *kernelObjects) push(queue *ebpf.Map, value uint32) error {
	return k.update(queue, nil, value, ebpf.UpdateAny)
}

func (k *kernelObjects) pop(queue *ebpf.Map, value *uint32) error {
	return k.onMap(func() error { return queue.LookupAndDelete(nil, value) })
}

// readAll visits every element of a hash map, many at a time.
func readAll[K, V any](k *kernelObjects, m *ebpf.Map, visit func(K, V)) error {
	var cursor ebpf.MapBatchCursor
	keys, values := make([]K, batch), make([]V, batch)
	for {
		var n int
		err := k.onMap(func() (err error) {
			n, err = m.BatchLookup(&cursor, keys, values, nil)
			return err
		})
		for i := range n {
			visit(keys[i], values[i])
		}
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// deleteFrom takes elements out of a hash map.
func deleteFrom[K, V any](k *kernelObjects, m *ebpf.Map, unwanted func(K, V) bool) error {
	var keys []K
	err := readAll(k, m, func(key K, value V) {
		if unwanted(key, value) {
			keys = append(keys, key)
		}
	})
	for _, key := range keys {
		if err := k.remove(m, key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return err
		}
	}
	return err
}
