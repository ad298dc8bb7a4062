package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/pflag"

	"github.com/scallop-sec/scallop/exporter/gate"
	"github.com/scallop-sec/scallop/exporter/policy"
	gatereport "github.com/scallop-sec/scallop/exporter/report"
	"github.com/scallop-sec/scallop/profiler/denials/report"
)

// judgeFlags hold what was denied against a profile.
type judgeFlags struct {
	profile    string
	recordings []string
	container  capabilityFlags
	proposal   proposalFlags
}

func (f *judgeFlags) addTo(flags *pflag.FlagSet) {
	flags.StringVarP(&f.profile, "profile", "p", "", "say why this `PROFILE` lacks what was denied: a file, docker-default or podman-default")
	flags.StringArrayVar(&f.recordings, "recording", nil, "with --profile: look for it in the recording in `FILE`; repeatable")
	f.container.addTo(flags)
	f.proposal.addTo(flags)
}

func (f *judgeFlags) check() error {
	if f.profile == "" && (len(f.recordings) > 0 || f.proposal.file != "") {
		return errors.New("--recording and --propose go with --profile: name the profile that denied it, as --profile web.json")
	}
	if f.proposal.file == "-" {
		return errors.New("--propose -: standard output is for what was denied: give a file")
	}
	return f.proposal.check()
}

// judge is a profile and what was recorded, read before anything is watched.
type judge struct {
	*judgeFlags
	policy       *policy.Policy
	capabilities []string
	evidence     *gate.Evidence
}

// open is nil if no profile is given. taken: standard input is the log's.
func (f *judgeFlags) open(e *env, taken bool) (*judge, error) {
	if f.profile == "" {
		return nil, nil
	}
	inputs := append([]string{f.profile}, f.recordings...)
	if n := len(slices.DeleteFunc(inputs, func(path string) bool { return path != "-" })); n > 1 || n > 0 && taken {
		return nil, usageError(errors.New("standard input (-) can be read once: give the log, the profile or the recording as a file"))
	}
	j := &judge{judgeFlags: f}
	var err error
	if j.policy, _, err = readGateProfile(e, f.profile); err != nil {
		return nil, err
	}
	if j.capabilities, err = f.container.list(); err != nil {
		return nil, usageError(err)
	}
	if j.evidence, err = gather(e, f.recordings); err != nil {
		return nil, err
	}
	return j, nil
}

// say tells why the profile lacks what was denied, proposes what it asks for, and shows what that changes. A nil judge says
// nothing.
func (j *judge) say(e *env, f *denialsFlags, r *report.Report) error {
	if j == nil {
		return nil
	}
	source, to := cmp.Or(f.file, "these denials"), e.stdout
	if f.file == "-" {
		source, to = "these denials", e.stderr // standard output is the report's
	}
	j.evidence.AddDenials(source, r)
	result, err := j.check()
	if err != nil {
		return err
	}
	proposed, err := j.proposal.write(e, j.policy, j.evidence, result)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if f.output == "json" {
		err = lineOfCheck(&out, result)
	} else {
		err = j.text(&out, result, proposed)
	}
	if err != nil {
		return usageError(err)
	}
	_, err = to.Write(out.Bytes())
	return outputError("standard output", err)
}

// text is for people: each denied call, then the difference.
func (j *judge) text(w *bytes.Buffer, result *gate.Result, proposed *gate.Proposal) error {
	w.Write(gatereport.Findings(result))
	if proposed == nil {
		return nil
	}
	w.WriteByte('\n')
	return j.diff(w, proposed.Policy)
}

func (j *judge) check() (*gate.Result, error) {
	filter, err := gate.FilterOfPolicy(j.profile, j.policy, &gate.Container{Capabilities: j.capabilities, Kernels: j.evidence.Kernels()})
	if err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", clean(j.profile), err))
	}
	result, err := gate.Check(filter, j.evidence, gate.Options{OnlyDenied: true, AllowIncomplete: true})
	if err != nil {
		return nil, usageError(err)
	}
	return result, nil
}

// diff writes what the proposal changes, as scallop diff does.
func (j *judge) diff(w io.Writer, proposed *policy.Policy) error {
	before, err := profileSide(j.profile, j.policy)
	if err != nil {
		return err
	}
	after, err := profileSide(j.proposal.file, proposed)
	if err != nil {
		return err
	}
	data, err := gatereport.Diff("text", gate.Compare(*before, *after))
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// lineOfCheck is the result of a check as one line.
func lineOfCheck(w *bytes.Buffer, result *gate.Result) error {
	data, err := gatereport.Check("json", result, gatereport.Options{Version: version})
	if err != nil {
		return err
	}
	if err := json.Compact(w, data); err != nil {
		return err
	}
	return w.WriteByte('\n')
}
