package exporter

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// RenderOptions say what happens to a call that the profile does not allow.
// The zero value is SCMP_ACT_ERRNO with ENOSYS.
type RenderOptions struct {
	DefaultAction specs.LinuxSeccompAction
	// Errno is what the call returns; nil means ENOSYS, on which C libraries fall
	// back to an older call, as they do not on EPERM. Only for SCMP_ACT_ERRNO.
	Errno *uint
}

// Renderers by the names of the formats.
var renderers = map[string]func(*Profile, RenderOptions) ([]byte, error){
	"docker": Docker,
	"oci":    OCI,
}

// Formats are the names that Render takes, sorted.
func Formats() []string { return []string{"docker", "oci"} }

// Render writes the profile in the named format.
func Render(format string, p *Profile, opts RenderOptions) ([]byte, error) {
	render, ok := renderers[format]
	if !ok {
		return nil, fmt.Errorf("format %q is not known: use docker or oci", format)
	}
	return render(p, opts)
}

// Docker writes the profile as Docker, containerd and Podman load it
// (`--security-opt seccomp=FILE`), with the reason for each group of calls as its comment.
func Docker(p *Profile, opts RenderOptions) ([]byte, error) {
	base, err := opts.base()
	if err != nil {
		return nil, err
	}
	out := seccomp.Seccomp{LinuxSeccomp: base}
	for _, a := range p.Archs {
		out.ArchMap = append(out.ArchMap, seccomp.Architecture{
			Arch:      scmpArch(a.Native),
			SubArches: scmpArchs(a.Subs),
		})
	}
	for _, g := range Groups(p) {
		for _, r := range g.rules(natives(p.Archs)) {
			out.Syscalls = append(out.Syscalls, &seccomp.Syscall{LinuxSyscall: r.LinuxSyscall, Comment: g.comment(), Includes: r.includes()})
		}
	}
	for _, a := range opts.answered(p) {
		out.Syscalls = append(out.Syscalls, &seccomp.Syscall{LinuxSyscall: answer(a.Name), Comment: fmt.Sprintf("answered ENOSYS: %s", a.Why)})
	}
	return indented(out)
}

// OCI writes the `linux.seccomp` object of a runtime configuration. The format
// has no comments; the groups are those of Docker.
func OCI(p *Profile, opts RenderOptions) ([]byte, error) {
	out, err := opts.base()
	if err != nil {
		return nil, err
	}
	out.Architectures = scmpArchs(allABIs(p.Archs))
	for _, g := range Groups(p) {
		for _, r := range g.rules(natives(p.Archs)) {
			if r.host != "" {
				return nil, fmt.Errorf("%s is limited to arguments that differ between %s, which format oci cannot say: use docker, or export for each alone",
					Enumerate(r.Names), Enumerate(natives(p.Archs)))
			}
			out.Syscalls = append(out.Syscalls, r.LinuxSyscall)
		}
	}
	for _, a := range opts.answered(p) {
		out.Syscalls = append(out.Syscalls, answer(a.Name))
	}
	return indented(out)
}

// base is what both formats share: the default action and its errno.
func (o RenderOptions) base() (specs.LinuxSeccomp, error) {
	out := specs.LinuxSeccomp{DefaultAction: o.DefaultAction, DefaultErrnoRet: o.Errno}
	if out.DefaultAction == "" {
		out.DefaultAction = specs.ActErrno
	}
	if out.DefaultAction != specs.ActErrno && o.Errno != nil {
		return out, fmt.Errorf("an errno goes with the default action errno, not with %s: leave it out", out.DefaultAction)
	}
	if out.DefaultAction == specs.ActErrno && o.Errno == nil {
		// Docker and runc answer EPERM if nothing is said.
		out.DefaultErrnoRet = new(uint(policy.ENOSYS))
	}
	return out, nil
}

func scmpArch(abi string) specs.Arch {
	return specs.Arch(syscalls.SeccompArch(syscalls.ABI(abi)))
}

func scmpArchs(abis []string) []specs.Arch {
	archs := []specs.Arch{}
	for _, abi := range abis {
		archs = append(archs, scmpArch(abi))
	}
	return archs
}

func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("render the profile: %w", err)
	}
	return b.Bytes(), nil
}
