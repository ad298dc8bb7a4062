package profiler

import (
	"sync/atomic"

	"github.com/scallop-sec/scallop/bpf"
)

// Reasons of losses, as they stand in a recording.
const (
	LossCallsFull     = "calls_no_room"      // calls not counted: no counter left
	LossCallsFailed   = "calls_map_refused"  // calls not counted: the kernel refused a map update
	LossCallsRange    = "calls_out_of_range" // calls not counted: a number that no table can have
	LossCallsMissed   = "calls_recursion"    // sys_enter runs that the kernel skipped, of any task
	LossCgroupsFull   = "cgroups_no_room"    // child cgroups not recorded at all
	LossEntrantsFull  = "entrants_no_room"   // processes whose setup was filed as the workload's
	LossExesFull      = "exes_no_room"       // executables whose path is unknown
	LossEventsDropped = "events_dropped"     // phase or leader events that were dropped
	LossWorkloadsFull = "workloads_no_room"  // new workloads that are not recorded at all
	LossTurnsMissed   = "turns_recursion"    // runs of the other programs that the kernel skipped
)

// kernelLosses gives the kernel side's reasons (enum loss) their names.
var kernelLosses = map[bpf.ScallopLoss]string{
	bpf.ScallopLossLOSS_CALLS_FULL:     LossCallsFull,
	bpf.ScallopLossLOSS_CALLS_FAILED:   LossCallsFailed,
	bpf.ScallopLossLOSS_CALLS_RANGE:    LossCallsRange,
	bpf.ScallopLossLOSS_CGROUPS_FULL:   LossCgroupsFull,
	bpf.ScallopLossLOSS_ENTRANTS_FULL:  LossEntrantsFull,
	bpf.ScallopLossLOSS_EXES_FULL:      LossExesFull,
	bpf.ScallopLossLOSS_EVENTS_DROPPED: LossEventsDropped,
	bpf.ScallopLossLOSS_WORKLOADS_FULL: LossWorkloadsFull,
}

// lossRow holds the counters of workload w; behind the last workload, those of none.
func (r *Recorder) lossRow(w int) []uint64 {
	n := int(bpf.ScallopLossLOSSES)
	return r.losses[w*n : (w+1)*n]
}

func lossesIn(row []uint64) map[string]uint64 {
	losses := make(map[string]uint64, len(kernelLosses)+2)
	for reason, name := range kernelLosses {
		losses[name] = atomic.LoadUint64(&row[reason])
	}
	return losses
}

// HostLosses are what belongs to no workload: new ones that there was no room for.
func (r *Recorder) HostLosses() map[string]uint64 {
	return lossesIn(r.lossRow(len(r.workloads)))
}

// Losses of workload w.
func (r *Recorder) Losses(w int) map[string]uint64 { return lossesIn(r.lossRow(w)) }

// TurnsMissed is LossTurnsMissed, for all workloads.
func (r *Recorder) TurnsMissed() (uint64, error) {
	_, missed, err := r.objects.missed()
	return missed, err
}
