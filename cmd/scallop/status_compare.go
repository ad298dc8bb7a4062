package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/scallop-sec/scallop/exporter/filter"
	"github.com/scallop-sec/scallop/exporter/policy"
	"github.com/scallop-sec/scallop/profiler/engine"
	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/watch"
)

// comparison of what is enforced with what a profile says, by verdicts.
type comparison struct {
	With        string   `json:"with"` // the profile
	Same        bool     `json:"same"`
	Differences []string `json:"differences,omitempty"` // a call each
	Unnamed     int      `json:"unnamed,omitempty"`     // differences of numbers that no table has
	Error       string   `json:"error,omitempty"`       // why it could not be made
}

// failed tells whether there is no answer.
func (c *comparison) failed() bool { return c != nil && c.Error != "" }

// given is what is known of how a workload is confined.
type given struct {
	container *engine.Container // nil: its engine says nothing
	bounding  []string          // capabilities of its first process
	runtime   string            // how the profile becomes a filter: as runc does it for containers
}

func givenOf(found *watch.Found) *given {
	g := &given{container: found.Container}
	if found.Kind == recording.KindContainer {
		g.runtime = "runc"
	}
	if c := found.Container; c != nil && c.Runtime != "" {
		g.runtime = c.Runtime
	}
	return g
}

// comparedProfile is one that others are compared with.
type comparedProfile struct {
	name   string
	policy *policy.Policy
}

func newComparedProfile(e *env, path string) (*comparedProfile, error) {
	p, err := profileFile(e, path)
	if err != nil {
		return nil, err
	}
	for _, warning := range p.Warnings {
		warn(e, "%s: %s", path, warning)
	}
	return &comparedProfile{clean(path), p}, nil
}

// compareLive: programs are those of a thread, the first that was loaded first.
func (c *comparedProfile) compareLive(programs [][]unix.SockFilter, g *given) *comparison {
	var live filter.Filters
	for _, list := range programs {
		live = append(live, programOf(list))
	}
	return c.compare(live, g)
}

func (c *comparedProfile) compare(live filter.Filters, g *given) *comparison {
	out := &comparison{With: c.name}
	r, err := c.resolve(g)
	if err == nil {
		var list []filter.Difference
		list, err = filter.Differences(r, live)
		out.add(list)
	}
	if err != nil {
		return &comparison{With: c.name, Error: clean(err.Error())}
	}
	return out
}

func (c *comparedProfile) resolve(g *given) (*policy.Resolved, error) {
	var capabilities []string
	for _, name := range g.bounding {
		capabilities = append(capabilities, strings.ToUpper(name)) // as conditions of profiles name them
	}
	host, err := thisHost(capabilities, g.runtime)
	if err != nil {
		return nil, err
	}
	return c.policy.Resolve(host)
}

func (c *comparison) add(list []filter.Difference) {
	c.Same = len(list) == 0
	for _, d := range list {
		if d.Name() == "" {
			c.Unnamed++
			continue
		}
		call := fmt.Sprintf("%s of %s", d.Name(), d.ABI)
		if d.Args != [6]uint64{} {
			call += fmt.Sprintf(" with arguments %s", argsText(d.Args))
		}
		c.Differences = append(c.Differences, fmt.Sprintf("%s: %s, not %s", call, outcomeWord(d.Got), outcomeWord(d.Want)))
	}
}

func argsText(args [6]uint64) string {
	var list []string
	for i, arg := range args {
		if arg != 0 {
			list = append(list, fmt.Sprintf("%d=%#x", i, arg))
		}
	}
	return strings.Join(list, " ")
}

func outcomeWord(o policy.Outcome) string {
	if word := actionWord(o.Action); word != "errno" {
		return word
	}
	return errnoName(-int64(o.Errno))
}

func programOf(list []unix.SockFilter) filter.Program {
	p := make(filter.Program, len(list))
	for i, in := range list {
		p[i] = filter.Instruction{Code: in.Code, JT: in.Jt, JF: in.Jf, K: in.K}
	}
	return p
}

// given compares what the engine gave to the OCI runtime with --profile, or with the file that it was read from. nil: there is
// nothing to compare.
func (l *statusLook) given(g *given) *comparison {
	c := g.container
	if c == nil || c.Seccomp == engine.Unconfined || g.bounding == nil {
		return nil
	}
	with := l.profile
	if with == nil && c.SeccompFile == "" {
		return nil
	}
	if with == nil {
		p, err := engineProfile(c.SeccompFile)
		if err != nil {
			return &comparison{With: clean(c.SeccompFile), Error: clean(err.Error())}
		}
		with = &comparedProfile{clean(c.SeccompFile), p}
	}
	program, err := givenProgram(c, g)
	if err != nil {
		return &comparison{With: with.name, Error: clean(err.Error())}
	}
	return with.compare(filter.Filters{program}, g)
}

// givenProgram is the filter that the OCI runtime made of what it was given.
func givenProgram(c *engine.Container, g *given) (filter.Program, error) {
	text, err := givenText(c)
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("the profile that %s gave it: %w", c.Engine, err)
	}
	r, err := (&comparedProfile{policy: p}).resolve(g)
	if err != nil {
		return nil, err
	}
	return filter.Compile(r, filter.Options{})
}

// givenText is the profile as the engine sent or read it.
func givenText(c *engine.Container) ([]byte, error) {
	switch {
	case c.SeccompJSON != "":
		return []byte(c.SeccompJSON), nil
	case c.SpecFile == "":
		return nil, fmt.Errorf("%s does not tell what it gave to the OCI runtime: compare the live filters, with --profile and --attach", c.Engine)
	}
	text, err := readRegular(c.SpecFile)
	if err != nil {
		return nil, err
	}
	var spec struct {
		Linux struct{ Seccomp json.RawMessage }
	}
	if err := json.Unmarshal(text, &spec); err != nil || len(spec.Linux.Seccomp) == 0 {
		return nil, fmt.Errorf("%s has no profile: is it the OCI configuration of the container?", c.SpecFile)
	}
	return spec.Linux.Seccomp, nil
}

// engineProfile reads a file that an engine names.
func engineProfile(path string) (*policy.Policy, error) {
	text, err := readRegular(path)
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// readRegular reads a file that somebody else named: no more of it than a profile has, and nothing that could make scallop wait.
func readRegular(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, policy.MaxSize+1))
	if err == nil && len(text) > policy.MaxSize {
		err = errors.New("it is larger than a profile can be")
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return text, nil
}
