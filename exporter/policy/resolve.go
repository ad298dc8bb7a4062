package policy

import (
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Outcome is what a call meets.
type Outcome struct {
	Action specs.LinuxSeccompAction
	Errno  uint // of SCMP_ACT_ERRNO and SCMP_ACT_TRACE
}

// Permits tells whether the call is made.
func (o Outcome) Permits() bool { return o.Action == specs.ActAllow || o.Action == specs.ActLog }

// Clause is an outcome under conditions that must all hold. Without conditions it always holds.
type Clause struct {
	Conditions []Condition
	Outcome    Outcome
}

// Resolved is a profile in force on one host: what libseccomp makes of the rules.
type Resolved struct {
	// Native is the host's own ABI; ABIs are all that the filter covers, native first.
	Native syscalls.ABI
	ABIs   []syscalls.ABI
	// Default is what a call without a rule meets, and BadArch one of an ABI that is not covered.
	Default, BadArch Outcome
	// Unknown are the names that no covered ABI has, sorted: runtimes pass over them.
	Unknown []string
	// Warnings are what a person should know, a sentence each.
	Warnings []string

	tables map[syscalls.ABI]*table
}

// table of one ABI.
type table struct {
	clauses map[int][]Clause
	top     int // the highest number that runc knows of
	stub    bool
}

// Resolve tells what each call meets on the host. It is a model of runc 1.0 and later with libseccomp 2.5 and 2.6:
//
//   - The native ABI is always covered, the others as the profile lists them. A call of another ABI meets libseccomp's
//     action for bad architectures, which nobody changes: SCMP_ACT_KILL, of the thread.
//   - A rule that does what the default does is left out, and so is a name that an ABI lacks.
//   - Of the rules for a call, the first without conditions decides, wherever it stands. Without one, the first whose
//     conditions hold does. (libseccomp sorts conditions by its own order; where two rules of different actions
//     could both hold, Warnings says so.)
//   - All conditions of a rule must hold, unless two are on one argument: then runc makes each a rule of its own.
//   - Values are compared in 64 bits, in 32-bit ABIs and x32 the lower 32 bits of both.
//   - Where an ABI has socketcall or ipc, a rule for one of the calls behind it also allows that way to it, and
//     its condition on argument 0 is lost there.
//   - With Host.RuncStub, numbers above the highest that the profile names in an ABI meet ENOSYS, unless the default
//     action lets calls through.
//
// runc knows the names that its libseccomp knows. This package knows those of profiler/syscalls, so a profile with names that
// are newer than the host's libseccomp allows less there.
func (p *Policy) Resolve(h Host) (*Resolved, error) {
	spec, err := p.Load(h)
	if err != nil {
		return nil, err
	}
	return Enforce(spec, h)
}

// Enforce is the second half of [Policy.Resolve]: from the rules that are in force to verdicts. Of the host, the
// architecture and the stub matter.
func Enforce(spec *specs.LinuxSeccomp, h Host) (*Resolved, error) {
	if syscalls.SeccompArch(h.Architecture) == "" {
		return nil, fmt.Errorf("resolve the seccomp profile for architecture %q: it is not known: use one like x86_64", h.Architecture)
	}
	r := &Resolved{
		Native:  h.Architecture,
		Default: outcomeOf(spec.DefaultAction, spec.DefaultErrnoRet),
		BadArch: Outcome{Action: specs.ActKillThread},
		tables:  map[syscalls.ABI]*table{},
	}
	r.addABIs(spec.Architectures)
	for i := range spec.Syscalls {
		r.addRule(&spec.Syscalls[i])
	}
	r.setStub(h.RuncStub)
	r.findUnknown(spec)
	r.findOverlaps()
	return r, nil
}

func (r *Resolved) addABIs(list []specs.Arch) {
	r.addABI(r.Native)
	for _, arch := range list {
		abi, ok := abiOf(arch)
		if !ok {
			r.Warnings = append(r.Warnings, fmt.Sprintf("architecture %.64s has no table of system calls here: its calls are judged as those of an architecture that the profile lacks", arch))
			continue
		}
		r.addABI(abi)
	}
}

func (r *Resolved) addABI(abi syscalls.ABI) {
	if r.tables[abi] == nil {
		r.ABIs = append(r.ABIs, abi)
		r.tables[abi] = &table{clauses: map[int][]Clause{}}
	}
}

func abiOf(arch specs.Arch) (syscalls.ABI, bool) {
	for _, abi := range syscalls.ABIs() {
		if syscalls.SeccompArch(abi) == string(arch) {
			return abi, true
		}
	}
	return "", false
}

// outcomeOf is EPERM unless the profile says another errno, as in runc and crun.
func outcomeOf(action specs.LinuxSeccompAction, errno *uint) Outcome {
	switch action {
	case specs.ActKill:
		return Outcome{Action: specs.ActKillThread} // two names for one action
	case specs.ActErrno, specs.ActTrace:
		if errno == nil {
			return Outcome{action, 1}
		}
		return Outcome{action, *errno & 0xffff}
	}
	return Outcome{Action: action}
}

func (r *Resolved) addRule(rule *specs.LinuxSyscall) {
	outcome := outcomeOf(rule.Action, rule.ErrnoRet)
	for _, name := range rule.Names {
		for abi, t := range r.tables {
			if nr, ok := syscalls.Number(abi, name); ok {
				t.top = max(t.top, nr)
			}
			if outcome != r.Default {
				t.add(abi, name, conditionSets(abi, rule.Args), outcome)
			}
		}
	}
}

// add puts the rule at the number that has the name, and at that of the call which multiplexes it.
func (t *table) add(abi syscalls.ABI, name string, sets [][]Condition, outcome Outcome) {
	for _, set := range sets {
		if nr, selector, ok := multiplexed(abi, name); ok {
			t.insert(nr, Clause{selected(abi, set, selector), outcome})
		}
		if nr, ok := syscalls.Number(abi, name); ok {
			t.insert(nr, Clause{set, outcome})
		}
	}
}

// insert keeps the first clause without conditions, and nothing beside it.
func (t *table) insert(nr int, c Clause) {
	have := t.clauses[nr]
	switch {
	case len(have) == 1 && len(have[0].Conditions) == 0:
	case len(c.Conditions) == 0:
		t.clauses[nr] = []Clause{c}
	case !slices.ContainsFunc(have, c.equal):
		t.clauses[nr] = append(have, c)
	}
}

func (c Clause) equal(o Clause) bool {
	return c.Outcome == o.Outcome && slices.Equal(c.Conditions, o.Conditions)
}

// setStub follows runc: only where the default stops calls, and only in ABIs that have one of the names.
func (r *Resolved) setStub(wanted bool) {
	permissive := r.Default.Permits() || r.Default.Action == specs.ActTrace
	for _, t := range r.tables {
		t.stub = wanted && !permissive && t.top > 0
	}
}

func (r *Resolved) findUnknown(spec *specs.LinuxSeccomp) {
	for i := range spec.Syscalls {
		for _, name := range spec.Syscalls[i].Names {
			if !r.has(name) && !slices.Contains(r.Unknown, name) {
				r.Unknown = append(r.Unknown, name)
			}
		}
	}
	slices.Sort(r.Unknown)
}

func (r *Resolved) has(name string) bool {
	return slices.ContainsFunc(r.ABIs, func(abi syscalls.ABI) bool {
		_, direct := syscalls.Number(abi, name)
		_, _, behind := multiplexed(abi, name)
		return direct || behind
	})
}
