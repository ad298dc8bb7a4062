package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/session"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// verification is the report of one `scallop verify`.
type verification struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Profile    string         `json:"profile"`
	Command    []string       `json:"command"`
	Mode       string         `json:"mode"`    // enforce or log-only
	Started    bool           `json:"started"` // the command's execve was made
	End        string         `json:"end,omitempty"`
	DurationNs int64          `json:"durationNs"`
	Phases     []string       `json:"phases"` // reached, in order
	Calls      int            `json:"calls"`  // different ones that were made
	Denied     uint64         `json:"denied"` // how often, in all
	Denials    []verifyDenial `json:"denials"`
	// Answered got ENOSYS on purpose, so that the C library takes another call.
	Answered []verifyDenial `json:"answered"`
	Expected *expectation   `json:"expected,omitempty"`
	// Incomplete says what was not seen, a sentence each.
	Incomplete []string `json:"incomplete,omitempty"`
}

// verifyDenial is one (phase, ABI, number, action).
type verifyDenial struct {
	ABI    string `json:"abi"`
	Nr     int    `json:"nr"`
	Name   string `json:"name"` // empty: no table has the number
	Count  uint64 `json:"count"`
	Phase  string `json:"phase"`
	Action string `json:"action"`          // errno, trap, kill; with --log-only what would have been done
	Errno  string `json:"errno,omitempty"` // of errno
	Args   string `json:"args,omitempty"`  // with --log-only, if they decide: 0=0x10
	Comm   string `json:"comm"`
	Exe    string `json:"exe,omitempty"`
	PID    int    `json:"pid"`
	TID    int    `json:"tid"`
	// OffsetNs and LastNs are those of the first and the last one, from the start.
	OffsetNs int64 `json:"offsetNs"`
	LastNs   int64 `json:"lastNs,omitempty"`
	// Note says what else may have denied it.
	Note string `json:"note,omitempty"`
}

func newVerification(p *verifyProfile, command []string, o *session.Outcome, expected *recording.Recording, strict bool) *verification {
	v := &verification{
		APIVersion: recording.APIVersion,
		Kind:       "Verification",
		Profile:    p.name,
		Mode:       p.mode(),
		Phases:     []string{},
		Denials:    []verifyDenial{},
		Answered:   []verifyDenial{},
	}
	for _, arg := range command {
		v.Command = append(v.Command, recording.CleanString(arg))
	}
	if r := o.Recording; r != nil {
		v.describe(r)
	}
	for _, d := range o.Denials {
		v.Denials = append(v.Denials, p.denial(d))
	}
	for _, reason := range slices.Sorted(maps.Keys(o.Losses)) {
		if n := o.Losses[reason]; n > 0 {
			v.Incomplete = append(v.Incomplete, fmt.Sprintf("%d lost: %s", n, reason))
		}
	}
	if p.logOnly {
		v.addLogged(p, o)
	}
	if !strict {
		v.separate(p, expected)
	}
	for _, d := range v.Denials {
		v.Denied += d.Count
	}
	v.compare(expected, o.Recording)
	return v
}

// describe takes what the recorder beside the watch saw.
func (v *verification) describe(r *recording.Recording) {
	v.DurationNs, v.End = r.DurationNs, r.Workload.Leader.End
	for _, phase := range r.Phases {
		if phase.Name != recording.PhaseSetup && !slices.Contains(v.Phases, phase.Name) {
			v.Phases = append(v.Phases, phase.Name)
		}
	}
	v.Started = slices.Contains(v.Phases, recording.PhaseStartup)
	v.Calls = len(ownCalls(r))
}

// denial puts what the kernel side saw into words.
func (p *verifyProfile) denial(d session.Denied) verifyDenial {
	row := verifyDenial{
		ABI: string(d.ABI), Nr: d.Nr, Name: d.Name(), Count: d.Count, Phase: d.Phase, Action: string(d.Action),
		Comm: d.First.Comm, Exe: d.Exe, PID: d.First.PID, TID: d.First.TID,
		OffsetNs: d.OffsetNs, LastNs: d.OffsetNs + d.Last - d.First.Time,
	}
	if d.Action == "errno" {
		row.Errno = errnoName(d.Return)
	}
	switch {
	case d.Traced:
		row.Note = "a debugger was attached: it may have skipped the call"
	case p.logOnly || p.always(d.ABI, d.Nr):
		row.Note = "not by this profile: by a filter of the command's own"
	}
	return row
}

// always tells whether the profile lets the call through, whatever its arguments.
func (p *verifyProfile) always(abi syscalls.ABI, nr int) bool {
	clauses := p.resolved.Clauses(abi, nr)
	unconditional := slices.ContainsFunc(clauses, func(c policy.Clause) bool { return len(c.Conditions) == 0 })
	if slices.ContainsFunc(clauses, func(c policy.Clause) bool { return !c.Outcome.Permits() }) {
		return false
	}
	return unconditional || p.resolved.Unlisted(abi, nr).Permits()
}

// addLogged finds what would have been denied among the calls that were made: by number in the recording, and by
// arguments where these decide.
func (v *verification) addLogged(p *verifyProfile, o *session.Outcome) {
	if o.Recording == nil {
		return
	}
	if !o.Recording.Complete {
		v.Incomplete = append(v.Incomplete, o.Recording.Incomplete...)
	}
	for _, s := range o.Recording.Syscalls {
		abi := syscalls.ABI(s.ABI)
		for phase, seen := range s.Phases {
			if phase == recording.PhaseSetup || slices.ContainsFunc(p.resolved.Clauses(abi, s.Nr), hasConditions) {
				continue
			}
			row := verifyDenial{ABI: s.ABI, Nr: s.Nr, Name: s.Name, Count: seen.Count, Phase: phase, LastNs: seen.LastSeenNs}
			v.addIfDenied(p, row, [6]uint64{}, seen.First)
		}
	}
	for _, j := range o.Judged {
		name, _ := syscalls.Name(j.ABI, j.Nr)
		row := verifyDenial{ABI: string(j.ABI), Nr: j.Nr, Name: name, Count: j.Count, Phase: j.Phase, Args: p.decisive(j)}
		v.addIfDenied(p, row, j.Args, j.First)
	}
	slices.SortFunc(v.Denials, func(a, b verifyDenial) int {
		return cmp.Or(cmp.Compare(a.OffsetNs, b.OffsetNs), cmp.Compare(a.Phase, b.Phase), cmp.Compare(a.ABI, b.ABI),
			cmp.Compare(a.Nr, b.Nr), cmp.Compare(a.Args, b.Args))
	})
}

func hasConditions(c policy.Clause) bool { return len(c.Conditions) > 0 }

func (v *verification) addIfDenied(p *verifyProfile, row verifyDenial, args [6]uint64, first recording.FirstCall) {
	action, errno := p.resolved.Verdict(syscalls.ABI(row.ABI), row.Nr, args)
	o := policy.Outcome{Action: action, Errno: errno}
	if o.Permits() {
		return
	}
	row.Action = actionWord(action)
	if action == specs.ActErrno {
		row.Errno = errnoName(-int64(errno))
	}
	row.Comm, row.Exe, row.PID, row.TID, row.OffsetNs = first.Comm, first.Exe, first.PID, first.TID, first.OffsetNs
	v.Denials = append(v.Denials, row)
}

// decisive are the arguments that the profile looks at.
func (p *verifyProfile) decisive(j session.Judged) string {
	var used [6]bool
	for _, clause := range p.resolved.Clauses(j.ABI, j.Nr) {
		for _, c := range clause.Conditions {
			used[c.Index] = true
		}
	}
	var words []string
	for i, arg := range j.Args {
		if used[i] {
			words = append(words, fmt.Sprintf("%d=%#x", i, arg))
		}
	}
	return strings.Join(words, " ")
}

func (v *verification) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
