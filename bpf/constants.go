package bpf

// Values of #defines in maps.h, which have no type that could be generated.
const (
	ScallopNoWorkload       = 0xffff     // NO_WORKLOAD
	ScallopWorkloadMask     = 0xffff     // WORKLOAD_MASK
	ScallopClassShift       = 16         // CLASS_SHIFT
	ScallopMemberOverflowed = 1 << 18    // MEMBER_OVERFLOWED
	ScallopLeaderGone       = 0xffffffff // LEADER_GONE
)
