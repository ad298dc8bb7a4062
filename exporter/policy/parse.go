package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

var (
	errBothNames  = errors.New("the rule has both name and names, which engines refuse: remove name")
	errBothArches = errors.New("it has both architectures and archMap, which engines refuse: remove one")
)

// Parse reads and checks a profile. It refuses what engines or runtimes would refuse, and what two of them would read
// differently; of fields and values that it does not know it warns.
func Parse(r io.Reader) (*Policy, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the seccomp profile: %w", err)
	case len(data) > MaxSize:
		return nil, fmt.Errorf("it is larger than %d bytes: give a seccomp profile", MaxSize)
	case len(bytes.TrimSpace(data)) == 0:
		return nil, errors.New("the file is empty: give a seccomp profile")
	}
	var p Policy
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("it is no seccomp profile: %w: give one in Docker's, Podman's or OCI's JSON format", err)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	p.Warnings = warnings(&p)
	return &p, nil
}

// Encode writes the profile as people read it. Parse gives the same profile back.
func (p *Policy) Encode() ([]byte, error) {
	data, err := marshal(p)
	if err != nil {
		return nil, fmt.Errorf("write the seccomp profile: %w", err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", "  "); err != nil {
		return nil, fmt.Errorf("write the seccomp profile: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

func (p *Policy) check() error {
	switch {
	case p.DefaultAction == "":
		return errors.New("it has no defaultAction: give a seccomp profile in Docker's, Podman's or OCI's JSON format (a recording becomes one with `scallop export`)")
	case !slices.Contains(actions, p.DefaultAction):
		return fmt.Errorf("the default action %.64q is not known: use one like SCMP_ACT_ERRNO", p.DefaultAction)
	case len(p.Architectures) > 0 && len(p.ArchMap) > 0:
		return errBothArches
	}
	if _, err := pickErrno(p.DefaultErrno, p.DefaultErrnoRet); err != nil {
		return fmt.Errorf("defaultErrno: %w", err)
	}
	for i := range p.Rules {
		if err := p.Rules[i].check(); err != nil {
			return fmt.Errorf("syscalls[%d]: %w", i, err)
		}
	}
	return nil
}

func (r *Rule) check() error {
	if !slices.Contains(actions, r.Action) {
		return fmt.Errorf("the action %.64q is not known: use one like SCMP_ACT_ALLOW", r.Action)
	}
	if slices.Contains(r.Names, "") {
		return errors.New("a name is empty: remove it")
	}
	if _, err := pickErrno(r.Errno, r.ErrnoRet); err != nil {
		return fmt.Errorf("errno: %w", err)
	}
	for i, a := range r.Args {
		switch {
		case a.Index > 5:
			return fmt.Errorf("args[%d]: index %d: a call has the arguments 0 to 5", i, a.Index)
		case !slices.Contains(operators, a.Op):
			return fmt.Errorf("args[%d]: the operator %.64q is not known: use one like SCMP_CMP_EQ", i, a.Op)
		}
	}
	return nil
}

var actions = []specs.LinuxSeccompAction{
	specs.ActAllow, specs.ActErrno, specs.ActKill, specs.ActKillProcess, specs.ActKillThread,
	specs.ActLog, specs.ActNotify, specs.ActTrace, specs.ActTrap,
}

var operators = []specs.LinuxSeccompOperator{
	specs.OpEqualTo, specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual,
	specs.OpGreaterThan, specs.OpGreaterEqual, specs.OpMaskedEqual,
}

var flags = []specs.LinuxSeccompFlag{
	"SECCOMP_FILTER_FLAG_TSYNC", specs.LinuxSeccompFlagLog, specs.LinuxSeccompFlagSpecAllow, specs.LinuxSeccompFlagWaitKillableRecv,
}

var arches = []specs.Arch{
	specs.ArchX86, specs.ArchX86_64, specs.ArchX32, specs.ArchARM, specs.ArchAARCH64, specs.ArchMIPS, specs.ArchMIPS64,
	specs.ArchMIPS64N32, specs.ArchMIPSEL, specs.ArchMIPSEL64, specs.ArchMIPSEL64N32, specs.ArchPPC, specs.ArchPPC64,
	specs.ArchPPC64LE, specs.ArchS390, specs.ArchS390X, specs.ArchPARISC, specs.ArchPARISC64, specs.ArchRISCV64,
	specs.ArchLOONGARCH64, specs.ArchM68K, specs.ArchSH, specs.ArchSHEB,
}

// pickErrno takes Podman's field, if it is there, before Docker's.
func pickErrno(text string, ret *uint) (*uint, error) {
	if text == "" {
		return ret, nil
	}
	n, err := Errno(text)
	if err != nil {
		return nil, err
	}
	return &n, nil
}

// warnings looks at what the checks let pass.
func warnings(p *Policy) []string {
	w := &warner{}
	w.unknown("the profile", p.Extra)
	for _, f := range p.Flags {
		if !slices.Contains(flags, f) {
			w.add("flag %.64q is not known: it is kept, and runtimes may refuse it", f)
		}
	}
	w.arches(p.Architectures)
	for i, a := range p.ArchMap {
		w.unknown(fmt.Sprintf("archMap[%d]", i), a.Extra)
		w.arches(append([]specs.Arch{a.Arch}, a.SubArches...))
	}
	for i := range p.Rules {
		w.rule(fmt.Sprintf("syscalls[%d]", i), &p.Rules[i])
	}
	return w.list
}

// maxWarnings keeps a hostile file from flooding a terminal.
const maxWarnings = 50

type warner struct{ list []string }

func (w *warner) add(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if len(w.list) < maxWarnings && !slices.Contains(w.list, text) {
		w.list = append(w.list, text)
	}
}

func (w *warner) rule(where string, r *Rule) {
	w.unknown(where, r.Extra)
	for i := range r.Args {
		w.unknown(fmt.Sprintf("%s.args[%d]", where, i), r.Args[i].Extra)
	}
	if r.Includes != nil {
		w.unknown(where+".includes", r.Includes.Extra)
	}
	if r.Excludes != nil {
		w.unknown(where+".excludes", r.Excludes.Extra)
	}
	if len(r.Names) == 0 {
		w.add("%s has no names: it has no effect", where)
	}
}

func (w *warner) unknown(where string, extra Extra) {
	var keys []string
	for key := range extra {
		keys = append(keys, fmt.Sprintf("%.64q", key))
	}
	if len(keys) > 0 {
		slices.Sort(keys)
		w.add("%s has fields that this version does not know: %.200s: they are kept, and ignored", where, strings.Join(keys, ", "))
	}
}

func (w *warner) arches(list []specs.Arch) {
	for _, a := range list {
		if !slices.Contains(arches, a) {
			w.add("architecture %.64q is not known: it is kept, and runtimes may refuse it", a)
		}
	}
}
