package hook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// MaxProfile bounds a profile file. Docker's default one has 12 KiB.
const MaxProfile = 4 << 20

// Profile is a seccomp profile as Docker and Podman load it. Its rules stay as they
// were written, with conditions that only an engine can judge.
type Profile struct {
	DefaultAction    specs.LinuxSeccompAction `json:"defaultAction"`
	DefaultErrnoRet  *uint                    `json:"defaultErrnoRet,omitempty"`
	DefaultErrno     string                   `json:"defaultErrno,omitempty"` // Podman's: wins over DefaultErrnoRet
	Architectures    []specs.Arch             `json:"architectures,omitempty"`
	ArchMap          []seccomp.Architecture   `json:"archMap,omitempty"`
	Flags            []specs.LinuxSeccompFlag `json:"flags,omitempty"`
	ListenerPath     string                   `json:"listenerPath,omitempty"`
	ListenerMetadata string                   `json:"listenerMetadata,omitempty"`
	Syscalls         []Rule                   `json:"syscalls"`
}

// Rule of a profile.
type Rule struct {
	raw json.RawMessage
	ruleFields
}

// ruleFields are what a merge looks at.
type ruleFields struct {
	Names    []string                 `json:"names"`
	Name     string                   `json:"name"` // of old profiles
	Action   specs.LinuxSeccompAction `json:"action"`
	Args     []specs.LinuxSeccompArg  `json:"args"`
	Comment  string                   `json:"comment"`
	Includes map[string]any           `json:"includes"`
	Excludes map[string]any           `json:"excludes"`
}

// UnmarshalJSON keeps the bytes.
func (r *Rule) UnmarshalJSON(data []byte) error {
	r.raw = bytes.Clone(data)
	return json.Unmarshal(data, &r.ruleFields)
}

// MarshalJSON gives them back.
func (r Rule) MarshalJSON() ([]byte, error) { return r.raw, nil }

func newRule(names []string, args []specs.LinuxSeccompArg, comment string) (Rule, error) {
	data, err := json.Marshal(seccomp.Syscall{
		LinuxSyscall: specs.LinuxSyscall{Names: names, Action: specs.ActAllow, Args: args},
		Comment:      comment,
	})
	if err != nil {
		return Rule{}, fmt.Errorf("writing a rule: %w", err)
	}
	var r Rule
	return r, r.UnmarshalJSON(data)
}

// names of the calls.
func (r *Rule) names() []string {
	if len(r.Names) == 0 && r.Name != "" {
		return []string{r.Name}
	}
	return r.Names
}

// conditional rules hold for some arguments, capabilities or hosts only.
func (r *Rule) conditional() bool { return len(r.Args)+len(r.Includes)+len(r.Excludes) > 0 }

// ParseProfile reads and checks a profile.
func ParseProfile(data []byte) (*Profile, error) {
	if len(data) > MaxProfile {
		return nil, fmt.Errorf("it is larger than %d bytes: give a seccomp profile", MaxProfile)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("the file is empty: give a seccomp profile")
	}
	var p Profile
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("it is no seccomp profile: %w: give one in Docker's or Podman's JSON format", err)
	}
	// oci-seccomp-bpf-hook writes a rule without names if it saw nothing new.
	p.Syscalls = slices.DeleteFunc(p.Syscalls, func(r Rule) bool { return len(r.names()) == 0 })
	return &p, p.check()
}

func (p *Profile) check() error {
	switch {
	case p.DefaultAction == "":
		return errors.New("it has no defaultAction: give a seccomp profile in Docker's or Podman's JSON format (a recording becomes one with `scallop export`)")
	case !known(p.DefaultAction):
		return fmt.Errorf("the default action %.64q is not known: use one like SCMP_ACT_ERRNO", p.DefaultAction)
	case len(p.Architectures) > 0 && len(p.ArchMap) > 0:
		return errors.New("it has both architectures and archMap, which engines refuse: remove one")
	}
	for i := range p.Syscalls {
		if err := p.Syscalls[i].check(); err != nil {
			return fmt.Errorf("syscalls[%d]: %w", i, err)
		}
	}
	return nil
}

func (r *Rule) check() error {
	switch {
	case len(r.Names) > 0 && r.Name != "":
		return errors.New("the rule has both name and names, which engines refuse: remove name")
	case !known(r.Action):
		return fmt.Errorf("the action %.64q is not known: use one like SCMP_ACT_ALLOW", r.Action)
	}
	return nil
}

var actions = strings.Fields(`SCMP_ACT_ALLOW SCMP_ACT_ERRNO SCMP_ACT_KILL SCMP_ACT_KILL_PROCESS SCMP_ACT_KILL_THREAD
	SCMP_ACT_LOG SCMP_ACT_NOTIFY SCMP_ACT_TRACE SCMP_ACT_TRAP`)

func known(a specs.LinuxSeccompAction) bool {
	return slices.Contains(actions, string(a))
}

// permits tells whether a call with this action is made.
func permits(a specs.LinuxSeccompAction) bool { return a == specs.ActAllow || a == specs.ActLog }

// Encode writes the profile as people read it.
func (p *Profile) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(p); err != nil {
		return nil, fmt.Errorf("writing the profile: %w", err)
	}
	return b.Bytes(), nil
}
