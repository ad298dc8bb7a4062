package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/exporter/filter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/confine"
	"github.com/scallop-sec/scallop/profiler/denials"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

// verifyProfile is a profile, ready to be enforced on this host.
type verifyProfile struct {
	name     string
	resolved *policy.Resolved
	filter   *confine.Filter
	logOnly  bool
	judges   []denials.Judge // if logOnly
}

func (f *verifyFlags) profile(e *env, path string) (*verifyProfile, error) {
	if path == "-" {
		return nil, usageError(errors.New("the profile cannot come from standard input, which is the command's: give a file"))
	}
	p, err := profileFile(e, path)
	if err != nil {
		return nil, err
	}
	for _, warning := range p.Warnings {
		warn(e, "%s: %s", path, warning)
	}
	host, err := f.host()
	if err != nil {
		return nil, err
	}
	v := &verifyProfile{name: recording.CleanString(path), logOnly: f.logOnly}
	if v.resolved, err = p.Resolve(host); err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", path, err))
	}
	enforced := v.resolved
	if f.logOnly {
		v.judges = judgesOf(v.resolved)
		host.RuncStub = false // it would go on denying
		if enforced, err = p.Resolve(host); err != nil {
			return nil, usageError(fmt.Errorf("%s: %w", path, err))
		}
		enforced = enforced.Map(logInstead)
	}
	program, err := filter.Compile(enforced, filter.Options{})
	if err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", path, err))
	}
	v.filter = &confine.Filter{Program: sockFilter(program), Flags: filterFlags(p.Flags), NoNewPrivs: f.noNewPrivs}
	return v, nil
}

// profileFile takes a file's name, or that of an engine's default. A file wins.
func profileFile(e *env, path string) (*policy.Policy, error) {
	if strings.HasSuffix(path, "-default") {
		if _, err := os.Lstat(path); err != nil {
			p, err := policy.Default(path)
			return p, wrapUsage(err)
		}
	}
	r, name, err := openInput(e, path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	p, err := policy.Parse(r)
	if err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", name, err))
	}
	return p, nil
}

func wrapUsage(err error) error {
	if err == nil {
		return nil
	}
	return usageError(err)
}

// host is what the profile's conditions are decided by.
func (f *verifyFlags) host() (policy.Host, error) {
	capabilities, err := f.container.list()
	if err != nil {
		return policy.Host{}, usageError(err)
	}
	return thisHost(capabilities, f.runtime)
}

// thisHost is what the conditions of a profile are decided by for a container here, with that bounding set and OCI runtime.
func thisHost(capabilities []string, runtimeName string) (policy.Host, error) {
	native, ok := syscalls.Native(runtime.GOARCH)
	if !ok {
		return policy.Host{}, hostError(fmt.Errorf("there are no system calls of %s here: use x86_64 or aarch64", runtime.GOARCH))
	}
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return policy.Host{}, hostError(fmt.Errorf("asking for the kernel's release: %w", err))
	}
	return policy.Host{
		Architecture: native,
		Capabilities: capabilities,
		Kernel:       unix.ByteSliceToString(uts.Release[:]),
		RuncStub:     runtimeName == "runc",
	}, nil
}

// logInstead is what SCMP_ACT_LOG makes of a profile.
func logInstead(o policy.Outcome) policy.Outcome {
	if o.Permits() {
		return o
	}
	return policy.Outcome{Action: specs.ActLog}
}

// judgesOf are the calls about which arguments decide. Which of the others are denied, their numbers tell:
// the recorder counts them exactly, where audit records are dropped when there are too many.
func judgesOf(r *policy.Resolved) []denials.Judge {
	var judges []denials.Judge
	for _, abi := range r.ABIs {
		for _, nr := range r.Numbers(abi) {
			j := denials.Judge{ABI: abi, Nr: nr}
			for _, clause := range r.Clauses(abi, nr) {
				for _, c := range clause.Conditions {
					j.Args[c.Index] = true
				}
			}
			if slices.Contains(j.Args[:], true) {
				judges = append(judges, j)
			}
		}
	}
	return judges
}

func sockFilter(p filter.Program) []unix.SockFilter {
	list := make([]unix.SockFilter, len(p))
	for i, in := range p {
		list[i] = unix.SockFilter{Code: in.Code, Jt: in.JT, Jf: in.JF, K: in.K}
	}
	return list
}

// filterFlags are those that matter to a filter for one thread. TSYNC does not, and a filter with a
// listener is not for verify.
func filterFlags(flags []specs.LinuxSeccompFlag) uint {
	var bits uint
	for _, flag := range flags {
		switch flag {
		case specs.LinuxSeccompFlagLog:
			bits |= unix.SECCOMP_FILTER_FLAG_LOG
		case specs.LinuxSeccompFlagSpecAllow:
			bits |= unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
		}
	}
	return bits
}

func (p *verifyProfile) mode() string {
	if p.logOnly {
		return "log-only"
	}
	return "enforce"
}
