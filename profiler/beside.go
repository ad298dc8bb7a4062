package profiler

import "github.com/cilium/ebpf"

// PhaseMap is where the kernel side keeps each workload's phase, in the first word of each element: for
// other kernel sides that file what they see by phase. It belongs to the recorder.
func (r *Recorder) PhaseMap() *ebpf.Map { return r.objects.maps.Workloads }

// ExplainLoad adds what this process and host lack to what the kernel said when it refused BPF programs.
func ExplainLoad(err error) error { return loadError(err) }
