// Package report holds what seccomp filters denied to workloads, as a file: the data types of the denial
// report, which live watching and audit records both fill, and the pure functions that read, check, sort, merge and write it.
// Nothing here touches a kernel, a clock or a disk.
package report

import (
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
)

// APIVersion and Kind head every denial report.
const (
	APIVersion = recording.APIVersion
	Kind       = "DenialReport"
)

// Report is every denial that was seen on a host in some time, and what was not seen.
type Report struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// ID is 32 hexadecimal digits: random, or of a merged report what its parts make of it.
	ID   string `json:"id"`
	Tool string `json:"tool"` // version of scallop that wrote the file
	// Complete is true only if nothing was missed. Otherwise Incomplete says why, a sentence each.
	Complete   bool     `json:"complete"`
	Incomplete []string `json:"incomplete,omitempty"`
	// StartedAt and EndedAt bound the time that was looked at. Zero (the year 1) in a report of audit
	// records without any.
	StartedAt time.Time `json:"startedAt"`
	EndedAt   time.Time `json:"endedAt"`
	Host      Host      `json:"host"`
	// Losses counts what was not seen or not understood, by reason.
	Losses map[string]uint64 `json:"losses"`
	// Workloads is sorted by Kind, Name, Cgroup and container ID, each once.
	Workloads []Workload `json:"workloads"`
	// Parts are the IDs of the reports that a merged one was made of, sorted; two or more, or none.
	Parts []string `json:"parts,omitempty"`
}

// Host is where the denials happened. Fields are empty where that is not known, or of a merged report where its
// parts differ.
type Host struct {
	Kernel       string `json:"kernel,omitempty"`       // uname -r
	Architecture string `json:"architecture,omitempty"` // x86_64, aarch64
}

// KindUnknown is the kind of workload that denials in audit records have whose processes nobody knows any more. Other kinds
// are those of recordings.
const KindUnknown = "unknown"

// Workload is what was denied to one workload.
type Workload struct {
	Name      string               `json:"name"`
	Kind      string               `json:"kind"`
	Cgroup    string               `json:"cgroup,omitempty"` // path below the cgroup2 mount
	Unit      string               `json:"unit,omitempty"`
	Container *recording.Container `json:"container,omitempty"` // present for containers
	// Denials is sorted by the time of the first one.
	Denials []Denial `json:"denials"`
}

// Sources of a denial.
const (
	Live  = "live"  // seen by the kernel side while it happened
	Audit = "audit" // an audit record
)

// Denial is one (source, phase, ABI, number, action, returned value) of a workload, how often it occurred, and who was
// the first.
type Denial struct {
	Source string `json:"source"`
	ABI    string `json:"abi"` // x86_64, x86, x32, aarch64, arm
	Nr     int    `json:"nr"`  // without x32's bit 30; -1 is a number that no program can mean
	Name   string `json:"name"`
	Action string `json:"action"` // one of the Action constants
	// Return is what the call returned, -38 for ENOSYS; absent where nothing was, or it is not known.
	Return *int64 `json:"return,omitempty"`
	Phase  string `json:"phase,omitempty"` // empty: not known

	Count uint64    `json:"count"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	Who   Who       `json:"who"` // made the first one
}

// Actions of filters: the words of SCMP_ACT_…, in lower case, as far as they show.
const (
	Errno       = "errno"        // live also for trace and notify: whoever answers chose the value
	Trap        = "trap"         // SIGSYS, which the task may handle
	Kill        = "kill"         // kill_thread or kill_process: live, of a process of one thread or on an old kernel
	KillThread  = "kill_thread"  // SIGSYS, which the thread does not survive
	KillProcess = "kill_process" // SIGSYS, which the process does not survive
	Log         = "log"          // the call was made
	Trace       = "trace"        // audit
	Notify      = "notify"       // audit
)

// Who is the task that a call was denied to. Of what it chose, every string is clean.
type Who struct {
	Comm string `json:"comm,omitempty"`
	Exe  string `json:"exe,omitempty"`
	PID  int    `json:"pid,omitempty"`
	TID  int    `json:"tid,omitempty"` // 0: not known
	UID  *int   `json:"uid,omitempty"`
	// Subject is the security context that an audit record names.
	Subject string `json:"subject,omitempty"`
	// Args are the six arguments in hexadecimal, where they were asked for.
	Args []string `json:"args,omitempty"`
	// Stack is the user stack, from the call outwards, where it was asked for.
	Stack []string `json:"stack,omitempty"`
	// Note says what else may have denied the call.
	Note string `json:"note,omitempty"`
}

// PerSecond is how often it occurred from the first one to the last; 0 of a single one.
func (d *Denial) PerSecond() float64 {
	elapsed := d.Last.Sub(d.First).Seconds()
	if d.Count < 2 || elapsed <= 0 {
		return 0
	}
	return float64(d.Count-1) / elapsed
}
