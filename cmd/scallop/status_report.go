package main

import (
	"encoding/json"
	"io"

	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/status"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// statusReport is the machine output of `scallop status`. Fields are only added.
type statusReport struct {
	APIVersion string           `json:"apiVersion"`
	Kind       string           `json:"kind"`
	Profile    string           `json:"profile,omitempty"` // that --profile names
	Workloads  []statusWorkload `json:"workloads"`
	Processes  int              `json:"processes"` // in all
	Findings   int              `json:"findings"`  // in all
	Vanished   int              `json:"vanished"`  // processes that ended while they were read
	Unread     int              `json:"unread"`    // processes whose filters could not be read
}

type statusWorkload struct {
	Name      string           `json:"name"`
	Kind      string           `json:"kind"`
	Cgroup    string           `json:"cgroup"`
	Container *statusContainer `json:"container,omitempty"`
	Processes []statusProcess  `json:"processes"`
	Findings  []statusFinding  `json:"findings"`
}

// statusContainer is what its engine says.
type statusContainer struct {
	ID         string `json:"id"`
	Engine     string `json:"engine,omitempty"`
	Runtime    string `json:"runtime,omitempty"`
	Profile    string `json:"profile,omitempty"` // default, unconfined, custom or a name; empty: it does not tell
	File       string `json:"file,omitempty"`    // that the profile was read from
	NoNewPrivs *bool  `json:"noNewPrivs,omitempty"`
	// Given compares what the OCI runtime was given with --profile, or else with File.
	Given *comparison `json:"given,omitempty"`
}

type statusProcess struct {
	PID     int            `json:"pid"`
	Exe     string         `json:"exe,omitempty"`
	Threads []statusThread `json:"threads"`
	// Live compares the filters of one thread with --profile, with --attach.
	Live *comparison `json:"live,omitempty"`
}

type statusThread struct {
	TID        int    `json:"tid"`
	Comm       string `json:"comm"`
	Seccomp    int    `json:"seccomp"`           // mode: 0 none, 1 strict, 2 filter
	Filters    *int   `json:"filters,omitempty"` // absent before Linux 5.9
	NoNewPrivs bool   `json:"noNewPrivs"`
}

type statusFinding struct {
	Kind string `json:"kind"`
	PID  int    `json:"pid,omitempty"` // 0: of the workload
	TID  int    `json:"tid,omitempty"` // 0: of the process
	Text string `json:"text"`
}

func newStatusWorkload(f *watch.Found) statusWorkload {
	w := statusWorkload{
		Name: clean(f.Name), Kind: f.Kind, Cgroup: clean(f.Root.Path),
		Processes: []statusProcess{}, Findings: []statusFinding{},
	}
	if f.Kind != recording.KindContainer {
		return w
	}
	w.Container = &statusContainer{ID: f.Ref.ID, Engine: f.Ref.Engine}
	if c := f.Container; c != nil {
		w.Container = &statusContainer{
			ID: clean(c.ID), Engine: clean(c.Engine), Runtime: clean(c.Runtime), Profile: clean(c.Seccomp), File: clean(c.SeccompFile), NoNewPrivs: c.NoNewPrivs,
		}
	}
	return w
}

func newStatusProcess(p *status.Process) statusProcess {
	row := statusProcess{PID: p.PID, Exe: clean(p.Exe)}
	for _, t := range p.Threads {
		one := statusThread{TID: t.TID, Comm: clean(t.Comm), Seccomp: t.Seccomp, NoNewPrivs: t.NoNewPrivs}
		if t.Filters != status.UnknownFilters {
			one.Filters = new(t.Filters)
		}
		row.Threads = append(row.Threads, one)
	}
	return row
}

func (r *statusReport) writeJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}
