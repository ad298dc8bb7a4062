package profiler

import (
	"fmt"
	"slices"

	"github.com/scallop-sec/scallop/bpf"
	"github.com/scallop-sec/scallop/profiler/recording"
)

// PhaseID is a phase's number in the kernel side.
type PhaseID uint32

// The lifecycle phases; PhaseUser is the first number for phases that a user names.
const (
	PhaseSetup    = PhaseID(bpf.ScallopPhasePHASE_SETUP)
	PhaseHandover = PhaseID(bpf.ScallopPhasePHASE_HANDOVER)
	PhaseStartup  = PhaseID(bpf.ScallopPhasePHASE_STARTUP)
	PhaseSteady   = PhaseID(bpf.ScallopPhasePHASE_STEADY)
	PhaseShutdown = PhaseID(bpf.ScallopPhasePHASE_SHUTDOWN)
	PhaseUser     = PhaseShutdown + 1
	maxPhases     = int(bpf.ScallopPhasePHASES)
)

// PhaseNames numbers the phases of one workload.
type PhaseNames struct {
	names []string // by PhaseID
}

// NewPhaseNames knows the lifecycle phases.
func NewPhaseNames() *PhaseNames {
	return &PhaseNames{names: []string{
		PhaseSetup:    recording.PhaseSetup,
		PhaseHandover: recording.PhaseHandover,
		PhaseStartup:  recording.PhaseStartup,
		PhaseSteady:   recording.PhaseSteady,
		PhaseShutdown: recording.PhaseShutdown,
	}}
}

// Marked are the names that users gave, in the order of their numbers.
func (p *PhaseNames) Marked() []string { return slices.Clone(p.names[PhaseUser:]) }

// Name of a phase; an unknown number is an error of the kernel side and shows.
func (p *PhaseNames) Name(id PhaseID) string {
	if int(id) < len(p.names) {
		return p.names[id]
	}
	return fmt.Sprintf("phase-%d", id)
}

// ID of a phase that a user marks, a new one if there is room.
func (p *PhaseNames) ID(name string) (PhaseID, error) {
	for id, n := range p.names {
		if n == name {
			return PhaseID(id), nil
		}
	}
	if err := recording.CheckPhaseName(name); err != nil {
		return 0, err
	}
	if len(p.names) == maxPhases {
		return 0, fmt.Errorf("phase %q: a recording holds %d phases at most: mark one that exists", name, maxPhases)
	}
	p.names = append(p.names, name)
	return PhaseID(len(p.names) - 1), nil
}
