package profiler

import "github.com/scallop-sec/scallop/bpf"

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
}
