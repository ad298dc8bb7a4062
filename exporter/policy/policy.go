// Package policy reads seccomp profiles, Docker's and Podman's JSON as well as the linux.seccomp
// object of an OCI runtime configuration, and says what each call meets under them.
//
// There are three steps, each as those who enforce profiles do it. [Parse] reads the file. [Policy.Load]
// picks the rules for one host and container, as github.com/moby/profiles/seccomp does. [Policy.Resolve] also
// gives the verdicts that runc and libseccomp then make of these rules, number by number.
//
// Everything is a pure function: no kernel, no root, on any operating system.
package policy

import (
	"encoding/json"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// MaxSize bounds a profile file, in bytes. Docker's default has 15 KiB.
const MaxSize = 4 << 20

// Extra are the fields of an object that this version does not know, as they were written. Newer
// engines may give them a meaning, so they are kept, and Parse warns of them.
type Extra map[string]json.RawMessage

// Policy is a seccomp profile as data. It is not yet for one host: its rules have conditions on the
// host and the container that [Policy.Load] decides.
type Policy struct {
	DefaultAction    specs.LinuxSeccompAction `json:"defaultAction"`
	DefaultErrnoRet  *uint                    `json:"defaultErrnoRet,omitempty"`
	DefaultErrno     string                   `json:"defaultErrno,omitempty"` // Podman's: a name or number that wins over DefaultErrnoRet
	Architectures    []specs.Arch             `json:"architectures,omitempty"`
	ArchMap          []Arch                   `json:"archMap,omitempty"`
	Flags            []specs.LinuxSeccompFlag `json:"flags,omitempty"`
	ListenerPath     string                   `json:"listenerPath,omitempty"`
	ListenerMetadata string                   `json:"listenerMetadata,omitempty"`
	Rules            []Rule                   `json:"syscalls"`
	Extra            Extra                    `json:"-"`
	// Warnings are what a person should know about the file, a sentence each. Encode leaves them out.
	Warnings []string `json:"-"`
}

// Arch is an architecture of a host, and what else its kernel runs.
type Arch struct {
	Arch      specs.Arch   `json:"architecture"`
	SubArches []specs.Arch `json:"subArchitectures"`
	Extra     Extra        `json:"-"`
}

// Rule is what to do with some calls.
type Rule struct {
	Names    []string                 `json:"names"`
	Action   specs.LinuxSeccompAction `json:"action"`
	ErrnoRet *uint                    `json:"errnoRet,omitempty"`
	Errno    string                   `json:"errno,omitempty"` // Podman's: wins over ErrnoRet
	Args     []Arg                    `json:"args,omitempty"`
	Comment  string                   `json:"comment,omitempty"`
	Includes *Filter                  `json:"includes,omitempty"`
	Excludes *Filter                  `json:"excludes,omitempty"`
	Extra    Extra                    `json:"-"`
}

// Arg is a condition on an argument.
type Arg struct {
	specs.LinuxSeccompArg
	Extra Extra `json:"-"`
}

// Filter says on which hosts and for which containers a rule is, or is not, in force.
type Filter struct {
	Caps      []string               `json:"caps,omitempty"`
	Arches    []string               `json:"arches,omitempty"`
	MinKernel *seccomp.KernelVersion `json:"minKernel,omitempty"`
	Extra     Extra                  `json:"-"`
}
