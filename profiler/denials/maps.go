package denials

import "github.com/cilium/ebpf"

// Operations on maps while programs run: see profiler.Recorder.OnMap.

func (w *Watcher) lookup(name string, key, value any) error {
	return w.recorder.OnMap(func() error { return w.objects.Maps[name].Lookup(key, value) })
}

func (w *Watcher) remove(name string, key any) error {
	return w.recorder.OnMap(func() error { return w.objects.Maps[name].Delete(key) })
}

// next steps to another element; its error is the iterator's.
func (w *Watcher) next(entries *ebpf.MapIterator, key, value any) (more bool) {
	_ = w.recorder.OnMap(func() error {
		more = entries.Next(key, value)
		return nil
	})
	return more
}
