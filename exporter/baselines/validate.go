package baselines

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/scallop-sec/scallop/profiler/recording"
	"github.com/scallop-sec/scallop/profiler/syscalls"
)

const (
	maxText   = 500 // bytes of a sentence
	maxList   = 1000
	maxStarts = 1 << 20
)

// Families and versions become file names and parts of sentences.
var (
	familyForm  = regexp.MustCompile(`^[a-z][a-z0-9]{0,31}$`)
	versionForm = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,9}){1,3}(-[a-z0-9.]{1,32})?$`)
)

// Validate refuses a baseline that contradicts itself or whose strings are not fit to print.
func Validate(b *Baseline) error {
	if b.APIVersion != APIVersion || b.Kind != Kind {
		return fmt.Errorf("apiVersion %q and kind %q are not %s and %s", recording.CleanString(clip(b.APIVersion)), recording.CleanString(clip(b.Kind)), APIVersion, Kind)
	}
	if !familyForm.MatchString(b.Runtime) {
		return fmt.Errorf("runtime %q is not a name", recording.CleanString(clip(b.Runtime)))
	}
	if !versionForm.MatchString(b.Version) {
		return fmt.Errorf("version %q is not a version", recording.CleanString(clip(b.Version)))
	}
	if syscalls.SeccompArch(syscalls.ABI(b.Architecture)) == "" {
		return fmt.Errorf("architecture %q has no table of system calls", recording.CleanString(clip(b.Architecture)))
	}
	if _, err := time.Parse(time.DateOnly, b.Date); err != nil {
		return fmt.Errorf("date %q is not of the form 2006-01-02", recording.CleanString(clip(b.Date)))
	}
	if err := checkTexts(append([]string{b.Origin, b.Kernel, b.Method}, b.Build...)); err != nil {
		return err
	}
	return checkSettings(b)
}

func checkTexts(texts []string) error {
	if len(texts) > maxList {
		return errors.New("there are too many texts")
	}
	for _, s := range texts {
		if s == "" || len(s) > maxText || recording.CleanString(s) != s {
			return fmt.Errorf("the text %q is empty, too long or not printable", recording.CleanString(clip(s)))
		}
	}
	return nil
}

func checkSettings(b *Baseline) error {
	if len(b.Settings) == 0 || len(b.Settings) > 2 || len(b.Settings) == 2 && (b.Settings[0].NoNewPrivs || !b.Settings[1].NoNewPrivs) {
		return errors.New("settings must be one without no_new_privs, one with, or both in this order")
	}
	for i := range b.Settings {
		s := &b.Settings[i]
		if err := checkKinds(s); err != nil {
			return fmt.Errorf("with no_new_privs %t: %w", s.NoNewPrivs, err)
		}
		if err := checkCalls(b, s); err != nil {
			return fmt.Errorf("with no_new_privs %t: %w", s.NoNewPrivs, err)
		}
	}
	return nil
}

func checkKinds(s *Setting) error {
	var kinds, texts []string
	for _, k := range s.Starts {
		if k.Count < 1 || k.Count > maxStarts {
			return fmt.Errorf("kind of start %q was measured %d times", recording.CleanString(clip(k.Kind)), k.Count)
		}
		kinds = append(kinds, k.Kind)
	}
	if len(kinds) == 0 {
		return errors.New("no start was measured")
	}
	for _, k := range s.Failed {
		kinds = append(kinds, k.Kind)
		texts = append(texts, k.Why)
	}
	slices.Sort(kinds)
	if len(slices.Compact(slices.Clone(kinds))) != len(kinds) {
		return errors.New("a kind of start occurs twice")
	}
	return checkTexts(append(texts, kinds...))
}

// checkCalls: the names must be real, or a profile would leave them out in silence, and
// execve is how every start ends.
func checkCalls(b *Baseline, s *Setting) error {
	total, execs := s.Total(), 0
	for i, c := range s.Calls {
		if _, ok := syscalls.Number(syscalls.ABI(b.Architecture), c.Name); !ok {
			return fmt.Errorf("%s has no call %q", b.Architecture, recording.CleanString(clip(c.Name)))
		}
		if i > 0 && s.Calls[i-1].Name >= c.Name {
			return fmt.Errorf("call %s occurs twice or out of order", c.Name)
		}
		if c.Starts < 1 || c.Starts > total || c.Count < c.Starts {
			return fmt.Errorf("call %s was made %d times in %d of %d starts", c.Name, c.Count, c.Starts, total)
		}
		if c.Name == "execve" || c.Name == "execveat" {
			execs += c.Starts
		}
	}
	if execs < total {
		return errors.New("not every start ended with execve")
	}
	return nil
}
