package policy

import (
	"errors"
	"fmt"
	"slices"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// Host is what the conditions of a profile ask for.
type Host struct {
	// Architecture is the native ABI of the host's kernel.
	Architecture syscalls.ABI
	// Capabilities is the bounding set of the container, e.g. CAP_SYS_ADMIN.
	Capabilities []string
	// Kernel is the release, e.g. 6.1.0-13-amd64. It may be empty if no rule asks for it.
	Kernel string
	// RuncStub has calls above the highest number that the profile names fail with ENOSYS, as runc does since
	// 1.0 (see [Policy.Resolve]). crun and programs that load a filter themselves do not.
	RuncStub bool
}

// DockerCapabilities is the bounding set that Docker gives containers unless told otherwise. Podman's lacks
// AUDIT_WRITE, MKNOD and NET_RAW, on which no rule of the default profiles depends.
func DockerCapabilities() []string {
	return []string{
		"CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
		"CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
	}
}

// mobyArches are the names that conditions use, which are libseccomp-golang's.
var mobyArches = map[syscalls.ABI]string{
	syscalls.AArch64: "arm64", syscalls.ARM: "arm", syscalls.LoongArch64: "loongarch64", syscalls.MIPS: "mips",
	syscalls.MIPS64: "mips64", syscalls.MIPSEL: "mipsel", syscalls.MIPSEL64: "mipsel64", syscalls.PPC: "ppc",
	syscalls.PPC64: "ppc64", syscalls.PPC64LE: "ppc64le", syscalls.RISCV64: "riscv64", syscalls.S390X: "s390x",
	syscalls.X32: "x32", syscalls.X86: "x86", syscalls.X86_64: "amd64",
}

// Load picks the rules that are in force on the host, in their order, and the architectures: what Docker hands to
// runc. It does what LoadProfile of github.com/moby/profiles/seccomp does, for any host rather than this one.
func (p *Policy) Load(h Host) (*specs.LinuxSeccomp, error) {
	if mobyArches[h.Architecture] == "" {
		return nil, fmt.Errorf("load the seccomp profile for architecture %q: it is not known: use one like x86_64", h.Architecture)
	}
	errno, err := pickErrno(p.DefaultErrno, p.DefaultErrnoRet)
	if err != nil {
		return nil, fmt.Errorf("load the seccomp profile: defaultErrno: %w", err)
	}
	out := &specs.LinuxSeccomp{
		DefaultAction: p.DefaultAction, DefaultErrnoRet: errno, Flags: slices.Clone(p.Flags),
		ListenerPath: p.ListenerPath, ListenerMetadata: p.ListenerMetadata, Architectures: p.architectures(h),
	}
	for i := range p.Rules {
		applies, err := p.Rules[i].applies(h)
		if err != nil {
			return nil, fmt.Errorf("load the seccomp profile: syscalls[%d]: %w", i, err)
		}
		if !applies {
			continue
		}
		call, err := p.Rules[i].syscall()
		if err != nil {
			return nil, fmt.Errorf("load the seccomp profile: syscalls[%d]: errno: %w", i, err)
		}
		out.Syscalls = append(out.Syscalls, call)
	}
	return out, nil
}

// architectures are the host's entry of the map, or the list if there is one.
func (p *Policy) architectures(h Host) []specs.Arch {
	if len(p.Architectures) > 0 {
		return slices.Clone(p.Architectures)
	}
	native := specs.Arch(syscalls.SeccompArch(h.Architecture))
	for _, a := range p.ArchMap {
		if a.Arch == native {
			return append([]specs.Arch{a.Arch}, a.SubArches...)
		}
	}
	return nil
}

func (r *Rule) applies(h Host) (bool, error) {
	if r.Excludes != nil {
		excluded, err := r.Excludes.excludes(h)
		if err != nil || excluded {
			return false, err
		}
	}
	if r.Includes == nil {
		return true, nil
	}
	return r.Includes.includes(h)
}

// excludes is true if one of the conditions holds.
func (f *Filter) excludes(h Host) (bool, error) {
	if slices.Contains(f.Arches, mobyArches[h.Architecture]) || slices.ContainsFunc(f.Caps, h.has) {
		return true, nil
	}
	if f.MinKernel == nil {
		return false, nil
	}
	return h.atLeast(*f.MinKernel)
}

// includes is true if each kind of condition holds.
func (f *Filter) includes(h Host) (bool, error) {
	if len(f.Arches) > 0 && !slices.Contains(f.Arches, mobyArches[h.Architecture]) {
		return false, nil
	}
	if slices.ContainsFunc(f.Caps, func(c string) bool { return !h.has(c) }) {
		return false, nil
	}
	if f.MinKernel == nil {
		return true, nil
	}
	return h.atLeast(*f.MinKernel)
}

func (h *Host) has(capability string) bool { return slices.Contains(h.Capabilities, capability) }

// atLeast compares the first two numbers of the release only.
func (h *Host) atLeast(min seccomp.KernelVersion) (bool, error) {
	if h.Kernel == "" {
		return false, errors.New("the rule depends on the kernel: say which kernel the host has")
	}
	var have seccomp.KernelVersion
	if _, err := fmt.Sscanf(h.Kernel, "%d.%d", &have.Kernel, &have.Major); err != nil {
		return false, fmt.Errorf("kernel release %.64q: %w: use one like 6.1.0", h.Kernel, err)
	}
	return have.Kernel > min.Kernel || have.Kernel == min.Kernel && have.Major >= min.Major, nil
}

func (r *Rule) syscall() (specs.LinuxSyscall, error) {
	errno, err := pickErrno(r.Errno, r.ErrnoRet)
	call := specs.LinuxSyscall{Names: slices.Clone(r.Names), Action: r.Action, ErrnoRet: errno}
	for _, a := range r.Args {
		call.Args = append(call.Args, a.LinuxSeccompArg)
	}
	return call, err
}
