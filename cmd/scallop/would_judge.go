package main

import (
	"fmt"
	"slices"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Answers of a profile to a call of which only the number is known.
const (
	wouldAllow  = "allow"
	wouldDeny   = "deny"
	wouldDepend = "depends"  // on the arguments, which a recorder does not see
	wouldAnswer = "answered" // ENOSYS on purpose, so that the C library takes another call
)

// wouldJudge answers for one profile, in force on this host.
type wouldJudge struct {
	profile  *verifyProfile
	answered map[syscalls.ABI][]string
}

func newWouldJudge(e *env, f *denialsFlags) (*wouldJudge, error) {
	p, err := profileFile(e, f.would)
	if err != nil {
		return nil, err
	}
	for _, warning := range p.Warnings {
		warn(e, "%s: %s", f.would, warning)
	}
	capabilities, err := f.container.list()
	if err != nil {
		return nil, usageError(err)
	}
	host, err := thisHost(capabilities, "runc")
	if err != nil {
		return nil, err
	}
	resolved, err := p.Resolve(host)
	if err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", clean(f.would), err))
	}
	j := &wouldJudge{profile: &verifyProfile{name: clean(f.would), resolved: resolved}, answered: map[syscalls.ABI][]string{}}
	for _, abi := range resolved.ABIs {
		j.answered[abi] = j.profile.answered(abi)
	}
	return j, nil
}

// judge tells what the profile says to a call, and what the call would get: EPERM, kill_process.
func (j *wouldJudge) judge(abi syscalls.ABI, nr int) (answer, gets string) {
	outcomes := j.outcomes(abi, nr)
	denies := slices.IndexFunc(outcomes, func(o policy.Outcome) bool { return !o.Permits() })
	switch {
	case denies < 0:
		return wouldAllow, ""
	case slices.ContainsFunc(outcomes, policy.Outcome.Permits):
		return wouldDepend, outcomeWord(outcomes[denies])
	}
	name, _ := syscalls.Name(abi, nr)
	if gets = outcomeWord(outcomes[denies]); gets == "ENOSYS" && slices.Contains(j.answered[abi], name) {
		return wouldAnswer, gets
	}
	return wouldDeny, gets
}

// outcomes are all that the call can meet.
func (j *wouldJudge) outcomes(abi syscalls.ABI, nr int) []policy.Outcome {
	var list []policy.Outcome
	for _, c := range j.profile.resolved.Clauses(abi, nr) {
		list = append(list, c.Outcome)
		if len(c.Conditions) == 0 {
			return list
		}
	}
	return append(list, j.profile.resolved.Unlisted(abi, nr))
}
