// Package recording holds the evidence of one profiled workload: the data
// types of the recording file, and the pure functions that read, check, sort
// and write it. Nothing here touches a kernel, a clock or a disk.
package recording

import "time"

// APIVersion and Kind head every recording file.
const (
	APIVersion = "scallop/v1"
	Kind       = "Recording"
)

// Recording is the whole truth about one workload: every system call with its
// exact count per phase, and everything that could not be recorded.
//
// Times inside are offsets in nanoseconds of CLOCK_MONOTONIC from StartedAt.
type Recording struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// ID is 32 hexadecimal digits, random per recording: merging the same
	// recording twice can be told from merging two.
	ID string `json:"id"`
	// Tool is the version of scallop that wrote the file.
	Tool string `json:"tool"`
	// Complete is true only if the recording was closed in order and nothing
	// was lost. Otherwise Incomplete says why, a sentence each.
	Complete   bool      `json:"complete"`
	Incomplete []string  `json:"incomplete,omitempty"`
	StartedAt  time.Time `json:"startedAt"`
	DurationNs int64     `json:"durationNs"`
	Workload   Workload  `json:"workload"`
	Host       Host      `json:"host"`
	Phases     []Phase   `json:"phases"`
	// Gaps are the times when no scallop was watching what the kernel side went on counting:
	// counts are exact, but "last seen" and readiness are not known there.
	Gaps []Gap `json:"gaps,omitempty"`
	// Unreached names the lifecycle phases (startup, steady, shutdown) that the
	// workload never entered: their calls are unknown, not absent.
	Unreached []string `json:"unreached,omitempty"`
	// Losses counts what could not be recorded, by reason. All reasons are
	// always present; a complete recording has only zeros.
	Losses map[string]uint64 `json:"losses"`
	// Syscalls is sorted by Total, descending, ties by name: the file is the
	// ranking.
	Syscalls []Syscall `json:"syscalls"`
	// Parts are the recordings that a merged one was made of, sorted by ID; two or more, or none.
	Parts []Part `json:"parts,omitempty"`
}

// Workload says what was profiled.
type Workload struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"` // one of the Kind constants
	Command []string `json:"command,omitempty"`
	Cgroup  string   `json:"cgroup"` // path below the cgroup2 mount
	Unit    string   `json:"unit,omitempty"`
	// Container is present for containers, and what its engine knows of it.
	Container *Container `json:"container,omitempty"`
	Leader    Leader     `json:"leader"`
	// Seccomp is the leader's filter mode when it was seen at its execve: 0 none, 2 a
	// filter. A recording made under a filter is blind to what that filter denies.
	Seccomp int `json:"seccomp"`
	// NoNewPrivs is the leader's no_new_privs flag; absent if it was gone before it could be
	// asked.
	NoNewPrivs *bool `json:"noNewPrivs,omitempty"`
}

// Kinds of workloads.
const (
	KindCommand   = "command"   // started by scallop run
	KindContainer = "container" // of an engine
	KindUnit      = "unit"      // of systemd: a service or scope
	KindCgroup    = "cgroup"    // any other cgroup
	KindMany      = "many"      // of a merged recording whose parts differ in name or kind
)

// Container is what is known of a container. Its ID comes from the cgroup's path, the rest from
// the engine: it is empty if the engine could not be asked in time. Of a merged recording's
// containers it holds what they have in common, and the ID may be empty then.
type Container struct {
	ID          string            `json:"id"`
	Engine      string            `json:"engine,omitempty"` // docker, containerd, cri-o, podman
	EngineVer   string            `json:"engineVersion,omitempty"`
	Runtime     string            `json:"runtime,omitempty"` // OCI runtime: runc, crun, …
	RuntimeVer  string            `json:"runtimeVersion,omitempty"`
	Image       string            `json:"image,omitempty"`       // as named by the user
	ImageDigest string            `json:"imageDigest,omitempty"` // sha256:…
	Labels      map[string]string `json:"labels,omitempty"`
	Pod         *Pod              `json:"pod,omitempty"`
}

// Pod is the Kubernetes pod that a container belongs to.
type Pod struct {
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	UID       string `json:"uid,omitempty"`
}

// Leader is the workload's first own process and how it ended.
type Leader struct {
	PID  int    `json:"pid"`
	Exe  string `json:"exe"`
	User string `json:"user,omitempty"` // "uid:gid" as started
	// End is one sentence, e.g. "exited with code 0",
	// "was killed by SIGKILL from the kernel: out of memory".
	End      string `json:"end"`
	ExitCode *int   `json:"exitCode,omitempty"`
	Signal   string `json:"signal,omitempty"`
}

// Host is where the recording was made.
type Host struct {
	Kernel       string   `json:"kernel"`       // uname -r
	Architecture string   `json:"architecture"` // x86_64, aarch64
	CPUs         int      `json:"cpus"`         // possible CPUs
	Probe        string   `json:"probe"`        // tp_btf, raw_tracepoint or tracepoint
	CgroupLayout string   `json:"cgroupLayout"` // unified, hybrid
	CgroupMount  string   `json:"cgroupMount"`
	Capabilities []string `json:"capabilities"` // effective, of scallop while recording
}

// Names of the lifecycle phases; a user may mark further ones.
const (
	PhaseSetup    = "setup"
	PhaseHandover = "handover"
	PhaseStartup  = "startup"
	PhaseSteady   = "steady"
	PhaseShutdown = "shutdown"
)

// Phase is one stretch of the workload's life. A name may occur more than once
// (steady, reload, steady).
type Phase struct {
	Name    string  `json:"name"`
	StartNs int64   `json:"startNs"`
	EndNs   int64   `json:"endNs"`
	Trigger Trigger `json:"trigger"`        // what began it
	Part    string  `json:"part,omitempty"` // ID of the part, in a merged recording
}

// Gap is a time without a watcher.
type Gap struct {
	StartNs int64  `json:"startNs"`
	EndNs   int64  `json:"endNs"`
	Part    string `json:"part,omitempty"` // ID of the part, in a merged recording
}

// Trigger is what began a phase.
type Trigger struct {
	// Kind: start, exec, ready-http, ready-tcp, ready-exec, ready-log,
	// ready-notify, ready-health, ready-after, settle, mark, signal, stop (what a leader that had
	// ended left behind was stopped), exit (the leader ended without a stop signal), attached (it
	// was running before scallop came: its startup is unseen), unseen (the event that tells was
	// dropped).
	Kind   string `json:"kind"`
	Detail string `json:"detail,omitempty"` // e.g. "SIGTERM from pid 712 (bash)"
}

// Syscall is one row of the ranking: one call of one ABI.
type Syscall struct {
	ABI string `json:"abi"` // x86_64, x86, x32, aarch64, arm
	Nr  int    `json:"nr"`  // without x32's bit 30
	// Name is empty for a number that no table knows.
	Name  string `json:"name"`
	Total uint64 `json:"total"`
	// Phases maps the name of a phase to what was seen in it; phases without
	// a call are absent.
	Phases map[string]PhaseCount `json:"phases"`
}

// PhaseCount is the evidence of one call in one phase.
type PhaseCount struct {
	Count uint64    `json:"count"`
	First FirstCall `json:"first"`
	// LastSeenNs is the offset of the last look at the counters that found
	// this one grown: exact to the interval between looks.
	LastSeenNs int64 `json:"lastSeenNs"`
}

// FirstCall is who made the first call of a (phase, ABI, number), and when.
type FirstCall struct {
	OffsetNs int64  `json:"offsetNs"`
	Comm     string `json:"comm"`
	Exe      string `json:"exe"`
	PID      int    `json:"pid"`
	TID      int    `json:"tid"`
	Part     string `json:"part,omitempty"` // ID of the part, in a merged recording
}
